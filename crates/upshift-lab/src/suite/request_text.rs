//! `req` of a case: `GET /path`, or a request line, fields and content.

/// A request of a suite, before its lane gives it a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestText {
    /// The method.
    pub method: String,
    /// A path with a query, `*`, or an absolute URL.
    pub target: String,
    /// The fields, in order.
    pub fields: Vec<(String, String)>,
    /// The content; empty: none.
    pub body: String,
}

/// The reason that a text is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestTextError {
    /// The first line.
    #[error("`{0}` is not a request; write `GET /path`")]
    RequestLine(String),
    /// A version in the first line.
    #[error("`{0}` names a version of HTTP, which the lane sets; leave it out")]
    Version(String),
    /// A field line.
    #[error("`{0}` is not a field; write `Name: value`, and an empty line before the content")]
    FieldLine(String),
}

impl RequestText {
    /// Parses a request. An end of line is LF or CRLF; the last one is not part of the content.
    pub fn parse(text: &str) -> Result<Self, RequestTextError> {
        let text = text.replace("\r\n", "\n");
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let first = lines.next().unwrap_or_default();
        let (method, target) = parse_request_line(first)?;
        let mut fields = Vec::new();
        for line in lines {
            let Some((name, value)) = line.split_once(':') else {
                return Err(RequestTextError::FieldLine(line.to_owned()));
            };
            if !is_token(name) {
                return Err(RequestTextError::FieldLine(line.to_owned()));
            }
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok(Self { method, target, fields, body: body.to_owned() })
    }
}

fn parse_request_line(line: &str) -> Result<(String, String), RequestTextError> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        [method, target] if is_token(method) && is_target(target) => {
            Ok((method.to_owned(), target.to_owned()))
        }
        [_, _, version] if version.starts_with("HTTP/") => {
            Err(RequestTextError::Version(line.to_owned()))
        }
        _ => Err(RequestTextError::RequestLine(line.to_owned())),
    }
}

fn is_target(target: &str) -> bool {
    let is_url = target.starts_with("http://") || target.starts_with("https://");
    target.starts_with('/') || target == "*" || is_url
}

/// RFC 9110 §5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    let is_tchar = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(is_tchar)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn a_request_with_fields_and_content_is_read() {
        let text = "POST /orders?a=1\nContent-Type: application/json\nX-Empty:\n\n{\"a\":\n\n1}\n";
        let request = RequestText::parse(text).unwrap();
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/orders?a=1"));
        let fields = [("Content-Type", "application/json"), ("X-Empty", "")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(request.fields, fields);
        assert_eq!(request.body, "{\"a\":\n\n1}");
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| RequestText::parse(text).unwrap_err().to_string();
        assert!(error("GET / HTTP/1.1").contains("which the lane sets"));
        assert!(error("").contains("write `GET /path`"));
        assert!(error("GET path").contains("is not a request"));
        assert!(error("GET /\nNo field").contains("is not a field"));
        assert!(error("GET /\nBad name: 1").contains("is not a field"));
    }
}
