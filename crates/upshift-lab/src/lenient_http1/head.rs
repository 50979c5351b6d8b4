//! The start line and the fields of a message.

use upshift_record::{RecordedField, RecordedRequest, RecordedResponse, WireText};

/// The head of a message, divided into lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LenientHead {
    start_line: Vec<u8>,
    fields: Vec<RecordedField>,
    length: usize,
}

impl LenientHead {
    /// Reads the head at the start of `octets`, after any empty lines; `None` if it is not
    /// complete.
    ///
    /// A first line that names no version of HTTP is a whole request of HTTP/0.9, which has no
    /// fields.
    pub fn read(octets: &[u8]) -> Option<Self> {
        let mut lines = Lines { octets, at: 0 };
        // RFC 9112 §2.2: a server should ignore an empty line before the request line.
        let start_line = loop {
            let line = lines.next()?;
            if !line.is_empty() {
                break line.trim_ascii_end();
            }
        };
        let mut fields = Vec::new();
        if names_version(start_line) {
            loop {
                let line = lines.next()?;
                if line.is_empty() {
                    break;
                }
                add_field_line(&mut fields, line);
            }
        }
        Some(Self { start_line: start_line.to_vec(), fields, length: lines.at })
    }

    /// The number of octets, including the empty lines before and after.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The field lines, in order. A folded line (RFC 9112 §5.2) is part of the one before it, and a
    /// line without a colon is a name with an empty value.
    pub fn fields(&self) -> &[RecordedField] {
        &self.fields
    }

    /// The values of the fields called `name`, in order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let called = self.fields.iter().filter(move |field| field.0.eq_ignore_ascii_case(name));
        called.map(|field| field.1.as_bytes())
    }

    /// Returns true if the list in the fields called `name` has `member`. Case does not count, and
    /// neither do the parameters of a member.
    pub fn lists(&self, name: &str, member: &str) -> bool {
        for value in self.values(name) {
            for element in value.split(|octet| *octet == b',') {
                let bare = element.split(|octet| *octet == b';').next().unwrap_or_default();
                if bare.trim_ascii().eq_ignore_ascii_case(member.as_bytes()) {
                    return true;
                }
            }
        }
        false
    }

    /// The request of which this is the head. A missing part of its first line is empty; the
    /// version of a line without one is `0.9`.
    pub fn to_request(&self) -> RecordedRequest {
        let (line, version) = match last_word(&self.start_line) {
            (before, word) if is_version(word) => (before, text_of(&word[5..])),
            _ => (&self.start_line[..], "0.9".to_owned()),
        };
        let (method, target) = first_word(line);
        RecordedRequest {
            method: WireText::from(method),
            target: WireText::from(target),
            version,
            fields: self.fields.clone(),
            body: None,
            trailers: Vec::new(),
        }
    }

    /// The response of which this is the head; `None` if it begins with no version and status code.
    pub fn to_response(&self) -> Option<RecordedResponse> {
        let (version, rest) = first_word(&self.start_line);
        if !is_version(version) {
            return None;
        }
        let (code, reason) = first_word(rest);
        let status = std::str::from_utf8(code).ok()?.parse().ok()?;
        Some(RecordedResponse {
            status,
            version: text_of(&version[5..]),
            reason: if reason.is_empty() { None } else { Some(WireText::from(reason)) },
            fields: self.fields.clone(),
            body: None,
            trailers: Vec::new(),
        })
    }
}

/// The lines of a text, without the CR LF or LF at their ends.
struct Lines<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = &self.octets[self.at..];
        let length = rest.iter().position(|octet| *octet == b'\n')?;
        self.at += length + 1;
        let line = &rest[..length];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

pub(super) fn add_field_line(fields: &mut Vec<RecordedField>, line: &[u8]) {
    let is_folded = line.starts_with(b" ") || line.starts_with(b"\t");
    if is_folded && let Some(RecordedField(_, value)) = fields.last_mut() {
        *value = WireText::from([value.as_bytes(), b" ", line.trim_ascii()].concat());
        return;
    }
    let colon = line.iter().position(|octet| *octet == b':').unwrap_or(line.len());
    let value = line.get(colon + 1..).unwrap_or_default();
    fields.push(RecordedField(WireText::from(&line[..colon]), WireText::from(value.trim_ascii())));
}

fn names_version(start_line: &[u8]) -> bool {
    is_version(last_word(start_line).1) || is_version(first_word(start_line).0)
}

fn is_version(word: &[u8]) -> bool {
    word.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"HTTP/"))
}

/// The text up to the first space, and the rest.
fn first_word(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|octet| *octet == b' ') {
        Some(space) => (&line[..space], &line[space + 1..]),
        None => (line, b""),
    }
}

/// The text before the last space, and the rest.
fn last_word(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().rposition(|octet| *octet == b' ') {
        Some(space) => (&line[..space], &line[space + 1..]),
        None => (b"", line),
    }
}

fn text_of(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    fn read_request(octets: &[u8]) -> RecordedRequest {
        LenientHead::read(octets).unwrap().to_request()
    }

    #[test]
    fn a_malformed_request_is_recorded_as_it_is() {
        let request = read_request(b"\r\nGET /a b http/1.1 \nHost : x\nno colon\n folded\r\n\r\n");
        assert_eq!((request.method.to_text().as_str(), request.version.as_str()), ("GET", "1.1"));
        assert_eq!(request.target.to_text(), "/a b");
        let fields: Vec<(String, String)> =
            request.fields.iter().map(|field| (field.0.to_text(), field.1.to_text())).collect();
        let expected = [("Host ", "x"), ("no colon", " folded")];
        assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_line_without_a_version_is_all_of_an_http_0_9_request() {
        let head = LenientHead::read(b"GET /\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!((head.length(), head.to_request().version.as_str()), (7, "0.9"));
    }

    #[test]
    fn an_incomplete_head_is_waited_for() {
        for part in [&b""[..], b"\r\n", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nA: b\r\n\r"] {
            assert_eq!(LenientHead::read(part), None, "{part:?}");
        }
    }

    #[test]
    fn a_list_is_read_over_several_lines_without_parameters() {
        let head =
            LenientHead::read(b"GET / HTTP/1.1\r\nUpgrade: a\r\nupgrade: b, H2C;q=1\r\n\r\n");
        assert!(head.unwrap().lists("Upgrade", "h2c"));
    }
}
