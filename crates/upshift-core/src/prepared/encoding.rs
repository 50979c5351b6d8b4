//! Escaping of text for the part of an answer that contains it.

/// The escaping of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// None.
    Plain,
    /// For an element or a quoted attribute of HTML.
    Html,
    /// For a JSON string (RFC 8259 §7), without its quotation marks.
    Json,
    /// `Percent-Encoded` of gRPC over HTTP2: everything but visible ASCII without `%`.
    GrpcMessage,
}

impl Encoding {
    /// Appends `text`, escaped.
    pub(crate) fn push_text(self, text: &str, out: &mut String) {
        // Few texts need escaping, and checking costs less than copying character by character.
        if !self.must_escape_any(text.as_bytes()) {
            out.push_str(text);
            return;
        }
        match self {
            Self::Plain => out.push_str(text),
            Self::Html => push_html(text, out),
            Self::Json => push_json(text, out),
            Self::GrpcMessage => push_percent_encoded(text, out),
        }
    }

    fn must_escape_any(self, text: &[u8]) -> bool {
        match self {
            Self::Plain => false,
            Self::Html => has_byte(text, |byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'')),
            Self::Json => has_byte(text, |byte| byte < b' ' || byte == b'"' || byte == b'\\'),
            Self::GrpcMessage => has_byte(text, |byte| !is_plain_in_grpc(byte)),
        }
    }
}

/// Returns true if `is_wanted` holds for a byte of `text`.
fn has_byte(text: &[u8], is_wanted: impl Fn(u8) -> bool) -> bool {
    // Without a way out of the loop, the compiler looks at 16 bytes at once.
    let mut has_wanted = false;
    for byte in text {
        has_wanted |= is_wanted(*byte);
    }
    has_wanted
}

fn is_plain_in_grpc(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) && byte != b'%'
}

fn push_html(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}

fn push_json(text: &str, out: &mut String) {
    // This cannot fail: a text is always a JSON string.
    let quoted = serde_json::to_string(text).unwrap_or_default();
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    out.push_str(inner.unwrap_or_default());
}

fn push_percent_encoded(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if is_plain_in_grpc(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(encoding: Encoding, text: &str) -> String {
        let mut out = String::new();
        encoding.push_text(text, &mut out);
        out
    }

    #[test]
    fn each_place_has_its_own_escaping() {
        let text = "é\"<\\\u{1}%&'";
        assert_eq!(encoded(Encoding::Plain, text), text);
        assert_eq!(encoded(Encoding::Html, text), "é&quot;&lt;\\\u{1}%&amp;&#39;");
        assert_eq!(encoded(Encoding::Json, text), "é\\\"<\\\\\\u0001%&'");
        assert_eq!(encoded(Encoding::GrpcMessage, text), "%C3%A9\"<\\%01%25&'");
    }

    /// The quick test for characters to escape must not miss one.
    #[test]
    fn every_byte_is_escaped_as_serde_does() {
        for byte in 0..=0x7f_u8 {
            let text = char::from(byte).to_string();
            let quoted = format!("\"{}\"", encoded(Encoding::Json, &text));
            assert_eq!(Some(quoted), serde_json::to_string(&text).ok());
        }
    }
}
