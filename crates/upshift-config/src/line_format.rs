//! The form of a line of the access record, with `$names` as in nginx's `log_format`.

use std::fmt;

use crate::spelling::nearest_name;

/// The form of a line.
#[derive(Clone, PartialEq, Eq)]
pub struct LineFormat {
    parts: Vec<LinePart>,
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinePart {
    /// This text.
    Text(String),
    /// A value of the exchange.
    Value(LineValue),
}

/// A value of an exchange that a line may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineValue {
    /// The time of the decision, as in RFC 3339.
    Time,
    /// The same, as nginx and Apache write it.
    TimeLocal,
    /// The same, in seconds since 1970.
    TimeSeconds,
    /// `X-Request-Id`.
    RequestId,
    /// The client's address.
    Peer,
    /// The user name of HTTP authentication, which is not recorded.
    RemoteUser,
    /// Method, path and version of HTTP.
    Request,
    /// The method.
    Method,
    /// The host, without the port.
    Host,
    /// The path, without the query.
    Path,
    /// The parameters of the query that a requirement reads.
    Query,
    /// The version of HTTP.
    Http,
    /// The version of HTTP with the name of the protocol.
    Protocol,
    /// The version of TLS.
    Tls,
    /// The version of TLS with the name of the protocol.
    TlsProtocol,
    /// The status that was sent.
    Status,
    /// The reason for which the exchange is not a success.
    Cause,
    /// The time to the end of the exchange, in milliseconds.
    Milliseconds,
    /// The same in seconds.
    Seconds,
    /// The time to the head of the response, in milliseconds.
    FirstByteMilliseconds,
    /// The bytes of content that the client sent.
    BytesIn,
    /// The bytes of content that the client was sent.
    BytesOut,
    /// The upstream endpoint.
    Upstream,
    /// The time to the head of its response, in milliseconds.
    UpstreamMilliseconds,
    /// The same in seconds.
    UpstreamSeconds,
    /// The number of times that the request was sent to an endpoint.
    Attempts,
    /// `User-Agent`.
    UserAgent,
    /// `Referer`, without its query.
    Referer,
    /// The fingerprint of the caller.
    Caller,
    /// The trace that the request belongs to.
    TraceId,
    /// The verdict of the policy.
    Verdict,
    /// The rule that decided.
    Rule,
    /// The phase of that rule.
    Phase,
    /// The reason of the verdict.
    Reason,
    /// The policy that decided.
    Revision,
}

/// The names of the values. Those of nginx come after ours, for formats that are taken from it.
const NAMES: [(&str, LineValue); 49] = [
    ("time", LineValue::Time),
    ("request_id", LineValue::RequestId),
    ("peer", LineValue::Peer),
    ("request", LineValue::Request),
    ("method", LineValue::Method),
    ("host", LineValue::Host),
    ("path", LineValue::Path),
    ("query", LineValue::Query),
    ("http", LineValue::Http),
    ("tls", LineValue::Tls),
    ("status", LineValue::Status),
    ("cause", LineValue::Cause),
    ("milliseconds", LineValue::Milliseconds),
    ("first_byte_milliseconds", LineValue::FirstByteMilliseconds),
    ("bytes_in", LineValue::BytesIn),
    ("bytes_out", LineValue::BytesOut),
    ("upstream", LineValue::Upstream),
    ("upstream_milliseconds", LineValue::UpstreamMilliseconds),
    ("attempts", LineValue::Attempts),
    ("user_agent", LineValue::UserAgent),
    ("referer", LineValue::Referer),
    ("caller", LineValue::Caller),
    ("trace_id", LineValue::TraceId),
    ("verdict", LineValue::Verdict),
    ("rule", LineValue::Rule),
    ("phase", LineValue::Phase),
    ("reason", LineValue::Reason),
    ("revision", LineValue::Revision),
    ("sent_status", LineValue::Status),
    ("remote_addr", LineValue::Peer),
    ("remote_user", LineValue::RemoteUser),
    ("time_local", LineValue::TimeLocal),
    ("time_iso8601", LineValue::Time),
    ("msec", LineValue::TimeSeconds),
    ("request_method", LineValue::Method),
    ("uri", LineValue::Path),
    ("args", LineValue::Query),
    ("query_string", LineValue::Query),
    ("server_protocol", LineValue::Protocol),
    ("ssl_protocol", LineValue::TlsProtocol),
    ("body_bytes_sent", LineValue::BytesOut),
    ("request_time", LineValue::Seconds),
    ("upstream_addr", LineValue::Upstream),
    ("upstream_header_time", LineValue::UpstreamSeconds),
    ("upstream_response_time", LineValue::UpstreamSeconds),
    ("http_host", LineValue::Host),
    ("http_referer", LineValue::Referer),
    ("http_user_agent", LineValue::UserAgent),
    ("http_x_request_id", LineValue::RequestId),
];

/// The number of names that are ours.
const OWN_NAMES: usize = 28;

/// The Combined format of nginx and Apache.
const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status \
    $body_bytes_sent \"$http_referer\" \"$http_user_agent\"";

/// The part of a format that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LineFormatError {
    /// The byte in the text at which it starts.
    pub(crate) start: usize,
    /// Its length in bytes.
    pub(crate) length: usize,
    /// The problem.
    pub(crate) message: String,
    /// The way to fix it.
    pub(crate) help: String,
}

impl LineFormat {
    /// The Combined format of nginx and Apache.
    pub fn combined() -> Self {
        // The text is valid, which a test checks.
        Self::parse(COMBINED).unwrap_or(Self { parts: Vec::new() })
    }

    /// The parts of a line, in their order.
    pub fn parts(&self) -> &[LinePart] {
        &self.parts
    }

    /// Reads a format: text with `$name` or `${name}`; `$$` is a dollar sign.
    pub(crate) fn parse(text: &str) -> Result<Self, LineFormatError> {
        let (mut parts, mut literal) = (Vec::new(), String::new());
        let mut at = 0;
        while let Some(length) = text[at..].find('$') {
            literal.push_str(&text[at..at + length]);
            let start = at + length;
            if text[start..].starts_with("$$") {
                literal.push('$');
                at = start + 2;
                continue;
            }
            let (value, length) = read_value(&text[start..], start)?;
            if !literal.is_empty() {
                parts.push(LinePart::Text(std::mem::take(&mut literal)));
            }
            parts.push(LinePart::Value(value));
            at = start + length;
        }
        literal.push_str(&text[at..]);
        if !literal.is_empty() {
            parts.push(LinePart::Text(literal));
        }
        Ok(Self { parts })
    }
}

/// The value that `text` begins with, and the length of its name; `start` is the place of `text`.
fn read_value(text: &str, start: usize) -> Result<(LineValue, usize), LineFormatError> {
    let is_braced = text.starts_with("${");
    let name_start = if is_braced { 2 } else { 1 };
    let rest = &text[name_start..];
    let is_in_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let length = rest.bytes().take_while(|byte| is_in_name(byte)).count();
    let name = &rest[..length];
    let end = name_start + length + usize::from(is_braced);
    if name.is_empty() || (is_braced && !rest[length..].starts_with('}')) {
        return Err(LineFormatError {
            start,
            length: 1,
            message: "`$` is not followed by a name".to_owned(),
            help: "write $name or ${name}, and $$ for a dollar sign".to_owned(),
        });
    }
    match NAMES.iter().find(|(known, _)| *known == name) {
        Some((_, value)) => Ok((*value, end)),
        None => Err(unknown_name(name, start, end)),
    }
}

fn unknown_name(name: &str, start: usize, length: usize) -> LineFormatError {
    let mut help = match nearest_name(name, NAMES.iter().map(|(known, _)| *known)) {
        Some(near) => format!("did you mean `${near}`? "),
        None => String::new(),
    };
    help.push_str("the names are");
    for (known, _) in &NAMES[..OWN_NAMES] {
        help.push_str(&format!(" ${known}"));
    }
    LineFormatError { start, length, message: format!("unknown name `${name}`"), help }
}

/// Shown as it is written, so that a changed format differs.
impl fmt::Debug for LineFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.parts).finish()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    #[test]
    fn a_format_is_text_and_values() {
        let format = LineFormat::parse("a $status${peer}s $$5").unwrap();
        let expected = [
            LinePart::Text("a ".to_owned()),
            LinePart::Value(LineValue::Status),
            LinePart::Value(LineValue::Peer),
            LinePart::Text("s $5".to_owned()),
        ];
        assert_eq!(format.parts(), expected);
    }

    #[test]
    fn combined_has_eight_values() {
        let format = LineFormat::combined();
        let values = format.parts().iter().filter(|part| matches!(part, LinePart::Value(_)));
        assert_eq!(values.count(), 8);
    }

    #[test]
    fn an_unknown_name_is_pointed_at() {
        let error = LineFormat::parse("$peer $stauts").unwrap_err();
        assert_eq!((error.start, error.length), (6, 7));
        assert!(error.help.starts_with("did you mean `$status`? the names are $time "));
        for broken in ["$", "a $ b", "${peer", "${}"] {
            assert!(LineFormat::parse(broken).unwrap_err().message.contains("not followed"));
        }
    }

    #[test]
    fn our_names_are_listed_and_none_is_there_twice() {
        assert_eq!(NAMES[OWN_NAMES - 1].0, "revision");
        for (index, (name, _)) in NAMES.iter().enumerate() {
            assert!(NAMES[..index].iter().all(|(other, _)| other != name), "{name}");
        }
    }
}
