//! The access record as a line of text, in the Combined format or another one.

use std::borrow::Cow;
use std::io::Write as _;
use std::time::Duration;

use http::{HeaderValue, Method};
use upshift_config::{LineFormat, LinePart, LineValue};
use upshift_core::{HttpVersion, Known, TlsState, TlsVersion};

use super::names::{http_name, tls_name};
use crate::telemetry::exchange_report::{CLIENT_GONE, ExchangeReport};
use crate::telemetry::logged_request::{LoggedDecision, LoggedRequest};

/// The line of a finished exchange.
pub(super) fn text_line(
    format: &LineFormat,
    report: &ExchangeReport,
    request: &LoggedRequest,
) -> Vec<u8> {
    let mut line = Vec::with_capacity(256);
    let record = TextRecord { report, request };
    for part in format.parts() {
        match part {
            LinePart::Text(text) => line.extend_from_slice(text.as_bytes()),
            LinePart::Value(value) => match record.value(*value) {
                Some(text) if !text.is_empty() => put_escaped(&mut line, &text),
                _ => line.push(b'-'),
            },
        }
    }
    line.push(b'\n');
    line
}

/// Appends a value as nginx escapes it: it can end neither the quotes nor the line.
fn put_escaped(line: &mut Vec<u8>, value: &[u8]) {
    for byte in value {
        match byte {
            b'"' | b'\\' | ..0x20 | 0x7f.. => {
                // Writing into a vector cannot fail.
                let _ = write!(line, "\\x{byte:02X}");
            }
            _ => line.push(*byte),
        }
    }
}

/// The text of a value, before it is escaped.
type ValueText<'a> = Cow<'a, [u8]>;

struct TextRecord<'a> {
    report: &'a ExchangeReport,
    request: &'a LoggedRequest,
}

impl<'a> TextRecord<'a> {
    /// The text of `value`; `None` if there is none.
    fn value(&self, value: LineValue) -> Option<ValueText<'a>> {
        let Self { report, request } = self;
        match value {
            LineValue::Request => self.request_line(),
            LineValue::Method => request.method.as_ref().map(|method| text(method.as_str())),
            LineValue::Host => Some(text(&request.host)),
            LineValue::Path => Some(text(&request.path)),
            LineValue::Query => request.query.as_deref().map(text),
            LineValue::RequestId => request.request_id.as_ref().map(bytes_of),
            LineValue::UserAgent => request.user_agent.as_ref().map(bytes_of),
            LineValue::Referer => request.referer.as_ref().map(without_query),
            LineValue::Peer => request.peer.map(owned),
            LineValue::RemoteUser => None,
            LineValue::Http => request.http.map(|http| text(http_name(http))),
            LineValue::Protocol => request.hop.map(|hop| text(protocol_name(hop))),
            LineValue::Tls => Some(text(tls_name(request.tls))),
            LineValue::TlsProtocol => tls_protocol(request.tls),
            LineValue::Time => Some(owned(request.time)),
            LineValue::TimeLocal => Some(owned(request.time.strftime("%d/%b/%Y:%H:%M:%S +0000"))),
            LineValue::TimeSeconds => Some(seconds(milliseconds_since_1970(request))),
            LineValue::Status => Some(text_status(report)),
            LineValue::Cause => report.cause().map(text),
            LineValue::BytesIn => Some(owned(report.bytes_in())),
            LineValue::BytesOut => Some(owned(report.bytes_out())),
            LineValue::Attempts => Some(owned(report.attempts())),
            LineValue::TraceId => report.trace_id().map(owned),
            LineValue::Milliseconds => Some(milliseconds(report.duration())),
            LineValue::Seconds => Some(seconds(report.duration())),
            LineValue::FirstByteMilliseconds => report.first_byte().map(milliseconds),
            LineValue::Upstream => report.upstream().map(|(endpoint, _)| owned(endpoint)),
            LineValue::UpstreamMilliseconds => {
                report.upstream().map(|(_, took)| milliseconds(took))
            }
            LineValue::UpstreamSeconds => report.upstream().map(|(_, took)| seconds(took)),
            LineValue::Caller
            | LineValue::Verdict
            | LineValue::Rule
            | LineValue::Phase
            | LineValue::Reason
            | LineValue::Revision => decision_value(value, request.decided.as_ref()?),
        }
    }

    /// Method, path and version, as the first line of a request over HTTP/1 has them.
    fn request_line(&self) -> Option<ValueText<'a>> {
        let LoggedRequest { method, path, query, hop, .. } = self.request;
        let mut line = format!("{} {path}", method.as_ref().map(Method::as_str)?);
        if let Some(query) = query {
            line.push('?');
            line.push_str(query);
        }
        if let Some(hop) = hop {
            line.push(' ');
            line.push_str(protocol_name(*hop));
        }
        Some(Cow::Owned(line.into_bytes()))
    }
}

fn decision_value(value: LineValue, decided: &LoggedDecision) -> Option<ValueText<'_>> {
    let LoggedDecision { record, caller, .. } = decided;
    match value {
        LineValue::Caller => (*caller).map(owned),
        LineValue::Verdict => Some(text(&record.verdict)),
        LineValue::Rule => record.rule.as_deref().map(text),
        LineValue::Phase => record.phase.as_deref().map(text),
        LineValue::Reason => record.reason.as_deref().map(text),
        LineValue::Revision => Some(text(&record.revision)),
        _ => None,
    }
}

fn text(text: &str) -> ValueText<'_> {
    Cow::Borrowed(text.as_bytes())
}

fn owned<'a>(value: impl ToString) -> ValueText<'a> {
    Cow::Owned(value.to_string().into_bytes())
}

fn bytes_of(value: &HeaderValue) -> ValueText<'_> {
    Cow::Borrowed(value.as_bytes())
}

/// A `Referer` up to its query, which may hold a token.
fn without_query(referer: &HeaderValue) -> ValueText<'_> {
    let bytes = referer.as_bytes();
    let end = bytes.iter().position(|byte| matches!(byte, b'?' | b'#'));
    Cow::Borrowed(&bytes[..end.unwrap_or(bytes.len())])
}

fn milliseconds<'a>(time: Duration) -> ValueText<'a> {
    owned(format_args!("{:.3}", time.as_secs_f64() * 1e3))
}

fn seconds<'a>(time: Duration) -> ValueText<'a> {
    owned(format_args!("{:.3}", time.as_secs_f64()))
}

fn milliseconds_since_1970(request: &LoggedRequest) -> Duration {
    Duration::from_millis(u64::try_from(request.time.as_millisecond()).unwrap_or(0))
}

/// The status; without a response, the number that nginx writes.
fn text_status<'a>(report: &ExchangeReport) -> ValueText<'a> {
    match (report.status(), report.cause()) {
        (Some(status), _) => owned(status.as_u16()),
        (None, Some(CLIENT_GONE)) => text("499"),
        (None, _) => text("000"),
    }
}

/// A version of HTTP as request lines and nginx write it.
fn protocol_name(http: HttpVersion) -> &'static str {
    match http {
        HttpVersion::V0_9 => "HTTP/0.9",
        HttpVersion::V1_0 => "HTTP/1.0",
        HttpVersion::V1_1 => "HTTP/1.1",
        HttpVersion::V2 => "HTTP/2.0",
        HttpVersion::V3 => "HTTP/3.0",
    }
}

/// The protection of a connection as nginx writes it; `None`: cleartext, or it is not known.
fn tls_protocol<'a>(tls: Known<TlsState>) -> Option<ValueText<'a>> {
    match tls {
        Known::Is(TlsState::Version(TlsVersion::V1_0)) => Some(text("TLSv1")),
        Known::Is(TlsState::Version(version)) => {
            Some(owned(format_args!("TLSv{}", version.as_str())))
        }
        Known::Is(TlsState::Cleartext | TlsState::SomeVersion) | Known::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_can_end_neither_the_quotes_nor_the_line() {
        let mut line = Vec::new();
        put_escaped(&mut line, b"a\"b\\c\r\n\x7f\xc3\xa9 d");
        assert_eq!(line, br"a\x22b\x5Cc\x0D\x0A\x7F\xC3\xA9 d");
    }

    #[test]
    fn a_referer_has_no_query() {
        let referer = HeaderValue::from_static("https://a.example/b?token=c#d");
        assert_eq!(&*without_query(&referer), b"https://a.example/b");
    }
}
