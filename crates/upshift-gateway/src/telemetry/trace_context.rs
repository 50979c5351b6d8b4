//! `traceparent`: the trace that a request belongs to (W3C Trace Context).

use std::fmt;

use http::HeaderMap;

/// The id of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceId([u8; 32]);

impl TraceId {
    /// The trace of a request with these fields; `None` if it has none, or the field is not valid.
    ///
    /// W3C Trace Context §3.2.2: `version "-" trace-id "-" parent-id "-" trace-flags`. §4.3: a
    /// field of a higher version may go on after that.
    pub(crate) fn from_fields(fields: &HeaderMap) -> Option<Self> {
        let mut lines = fields.get_all("traceparent").iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return None };
        let line = line.as_bytes();
        let (head, further) = line.split_at_checked(55)?;
        let version = &head[..2];
        let is_allowed = match version {
            b"00" => further.is_empty(),
            b"ff" => false,
            _ => further.is_empty() || further.starts_with(b"-"),
        };
        let parts = [&head[..2], &head[3..35], &head[36..52], &head[53..]];
        let dashes = [head[2], head[35], head[52]];
        if !is_allowed || dashes != *b"---" || !parts.iter().all(|part| is_lower_hex(part)) {
            return None;
        }
        // §3.2.2.3, §3.2.2.4: ids of zeros alone are invalid.
        if is_zero(parts[1]) || is_zero(parts[2]) {
            return None;
        }
        parts[1].try_into().ok().map(Self)
    }

    /// The id, in hexadecimal.
    pub(crate) fn as_str(&self) -> &str {
        // The digits are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn is_lower_hex(digits: &[u8]) -> bool {
    digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_zero(digits: &[u8]) -> bool {
    digits.iter().all(|digit| *digit == b'0')
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn trace_of(lines: &[&str]) -> Option<String> {
        let mut fields = HeaderMap::new();
        for line in lines {
            let value = HeaderValue::from_str(line).expect("a field value");
            fields.append("traceparent", value);
        }
        TraceId::from_fields(&fields).map(|id| id.to_string())
    }

    #[test]
    fn a_valid_field_has_a_trace() {
        for (version, further) in [("00", ""), ("01", ""), ("cc", "-what-is-to-come")] {
            let line = format!("{version}-{TRACE}-00f067aa0ba902b7-01{further}");
            assert_eq!(trace_of(&[&line]).as_deref(), Some(TRACE), "{line}");
        }
    }

    #[test]
    fn any_other_field_has_none() {
        let zeros = "0".repeat(32);
        for line in [
            String::new(),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("01-{TRACE}-00f067aa0ba902b7-01more"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{zeros}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00_{TRACE}-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(trace_of(&[&line]), None, "{line}");
        }
        let line = format!("00-{TRACE}-00f067aa0ba902b7-01");
        assert_eq!(trace_of(&[]), None);
        assert_eq!(trace_of(&[&line, &line]), None, "two lines");
    }
}
