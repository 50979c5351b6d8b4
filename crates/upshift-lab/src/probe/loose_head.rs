//! The head of a response that no strict reader accepts, read for the report as far as possible.

use upshift_record::{RecordedField, RecordedResponse};

/// The most octets of a head that are looked at.
const LIMIT: usize = 64 * 1024;

/// Reads a status line and the fields after it. `None` if the octets do not begin with `HTTP/` and
/// a status.
pub(super) fn read_loosely(octets: &[u8]) -> Option<RecordedResponse> {
    let octets = &octets[..octets.len().min(LIMIT)];
    let mut lines = octets.split(|octet| *octet == b'\n').map(<[u8]>::trim_ascii_end);
    let status_line = String::from_utf8_lossy(lines.next()?).into_owned();
    let rest = status_line.strip_prefix("HTTP/")?;
    let mut words = rest.splitn(3, ' ');
    let version = words.next()?.to_owned();
    let status = words.next()?.get(..3)?.parse().ok()?;
    let reason = words.next().unwrap_or_default();
    let mut fields = Vec::new();
    for line in lines {
        if line.is_empty() {
            break;
        }
        // A line without a colon is kept as a name, so that the report shows it.
        let colon = line.iter().position(|octet| *octet == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
        fields.push(RecordedField(line[..colon].into(), value.into()));
    }
    Some(RecordedResponse {
        status,
        version,
        reason: if reason.is_empty() { None } else { Some(reason.into()) },
        fields,
        body: None,
        trailers: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn a_malformed_head_is_read_as_far_as_possible() {
        let head = b"HTTP/1.1 426 Upgrade  Required\nUpgrade : h2c\r\nno colon\r\n\r\nX: body";
        let response = read_loosely(head).unwrap();
        assert_eq!((response.status, response.version.as_str()), (426, "1.1"));
        assert_eq!(response.reason, Some("Upgrade  Required".into()));
        let fields: Vec<(String, String)> = response
            .fields
            .iter()
            .map(|RecordedField(name, value)| (name.to_text(), value.to_text()))
            .collect();
        assert_eq!(
            fields,
            [("Upgrade ".to_owned(), "h2c".to_owned()), ("no colon".to_owned(), String::new())]
        );
    }

    #[test]
    fn other_octets_are_no_head() {
        for octets in [&b""[..], b"<html>", b"HTTP/1.1", b"HTTP/1.1 x", b"\x16\x03\x01"] {
            assert_eq!(read_loosely(octets), None);
        }
    }
}
