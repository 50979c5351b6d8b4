//! Reports of messages that do not become requests: they are malformed, too long or too late, or
//! the client left before their end.

use std::rc::Rc;

use http::Method;
use jiff::SignedDuration;
use tokio::time::Instant;
use upshift_config::RecordedRequests;
use upshift_core::client_info::ConnectionInfo;
use upshift_core::{Facts, HttpVersion, Known, Timestamp};

use crate::core_local::CoreLocal;
use crate::exchange::connection::Connection;
use crate::exchange::request_id;
use crate::received_request::ReceivedRequest;
use crate::telemetry::exchange_report::{ExchangeClient, ExchangeReport, ReportedRequest};
use crate::telemetry::logged_request::LoggedRequest;
use crate::telemetry::request_labels::RequestLabels;

/// The number of bytes that are searched for the first line and `Host`.
const SEARCHED: usize = 8 * 1024;

/// The greatest length of a path in the record.
const MAX_PATH: usize = 2 * 1024;

/// Begins the report of an HTTP/1 message of which `received` has arrived.
pub(crate) fn begin_unread_http1(connection: &Connection, received: &[u8]) -> Rc<ExchangeReport> {
    let seen = connection_info(connection, HttpVersion::V1_1);
    let began = connection.activity.head_began().unwrap_or_else(Instant::now);
    begin_report(connection, HttpVersion::V1_1, began, |now| {
        let mut request = LoggedRequest::of_connection(seen, now);
        let head = PartialHead::parse(received);
        request.hop = head.version;
        request.http = head.version.map(Known::Is);
        request.method = head.method;
        request.path = head.path;
        request.host = head.host;
        request
    })
}

/// Begins the report of a message over HTTP/2 or HTTP/3 of which nothing could be read, although it
/// `began` then.
pub(crate) fn begin_unread(
    connection: &Connection,
    http: HttpVersion,
    began: Instant,
) -> Rc<ExchangeReport> {
    let seen = connection_info(connection, http);
    begin_report(connection, http, began, |now| LoggedRequest::of_connection(seen, now))
}

/// Begins the report of a malformed request whose head was read. It `began` to arrive then.
pub(crate) fn begin_malformed(
    connection: &Connection,
    request: &ReceivedRequest<'_>,
    began: Instant,
) -> Rc<ExchangeReport> {
    let mut random = connection.core.random.borrow_mut();
    let id = request_id::accept_or_generate(&request.fields, &mut random);
    let seen = connection.info(request.version);
    begin_report(connection, seen.http, began, |_| LoggedRequest::undecided(request, seen, &id))
}

fn connection_info(connection: &Connection, http: HttpVersion) -> ConnectionInfo {
    let peer = Some(connection.peer.ip());
    ConnectionInfo { peer, http, tls: Known::Is(connection.tls) }
}

/// Begins a report; `request` is what its record shows, if there is one.
fn begin_report(
    connection: &Connection,
    http: HttpVersion,
    began: Instant,
    request: impl FnOnce(Timestamp) -> LoggedRequest,
) -> Rc<ExchangeReport> {
    let client = ExchangeClient { activity: Rc::clone(&connection.activity), stream: None };
    let sink = Rc::<CoreLocal>::clone(&connection.core);
    let generation = connection.core.generation();
    let unread = ReportedRequest {
        method: None,
        labels: RequestLabels::new(None, connection.tls, http),
        is_detailed: generation.shared.telemetry.metrics.is_some(),
        began,
    };
    let report = ExchangeReport::begin(sink, client, unread, None);
    let access_log = &generation.shared.settings.file.gateway.access_log;
    if access_log.requests == RecordedRequests::All {
        let waited = SignedDuration::try_from(began.elapsed()).unwrap_or_default();
        report.log_request(request(Timestamp::now().saturating_sub(waited).unwrap_or_default()));
    }
    report
}

/// The parts of an HTTP/1 head that can be read, though it may be malformed or not complete.
#[derive(Debug, Default, PartialEq, Eq)]
struct PartialHead {
    method: Option<Method>,
    path: String,
    version: Option<HttpVersion>,
    host: String,
}

impl PartialHead {
    fn parse(received: &[u8]) -> Self {
        let searched = &received[..received.len().min(SEARCHED)];
        let text = String::from_utf8_lossy(searched);
        let mut lines = text.trim_start_matches(['\r', '\n']).lines();
        let mut head = Self::default();
        let Some(first) = lines.next() else { return head };
        let mut parts = first.splitn(3, ' ');
        let (method, target, version) = (parts.next(), parts.next(), parts.next());
        let (Some(method), Some(target)) = (method, target) else { return head };
        let path = Facts::split_target(target).0;
        let Ok(method) = Method::from_bytes(method.as_bytes()) else { return head };
        // Words of another protocol may be secrets.
        if !path.starts_with(['/', '*']) {
            return head;
        }
        head.method = Some(method);
        head.path = shortened(path);
        head.version = version.and_then(HttpVersion::parse);
        for line in lines {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("host")
            {
                head.host = Facts::host_of(value.trim()).to_owned();
                break;
            }
        }
        head
    }
}

fn shortened(path: &str) -> String {
    path.chars().take(MAX_PATH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_of_a_malformed_head_is_shown() {
        let head = PartialHead::parse(
            b"\r\nGET /a?token=hush HTTP/1.1\r\nHost: b.example:80\r\nBad Line\r\n\r\n",
        );
        let expected = PartialHead {
            method: Some(Method::GET),
            path: "/a".to_owned(),
            version: Some(HttpVersion::V1_1),
            host: "b.example".to_owned(),
        };
        assert_eq!(head, expected);
    }

    #[test]
    fn what_is_no_request_has_no_method() {
        for bytes in [
            &b""[..],
            b"\x16\x03\x01\x00 \xff",
            b"EHLO a",
            b"AUTH PLAIN c2VjcmV0",
            b"\r\n\r\n",
            b"{} {}",
        ] {
            assert_eq!(PartialHead::parse(bytes), PartialHead::default(), "{bytes:?}");
        }
    }

    #[test]
    fn a_long_path_is_shortened() {
        let head = PartialHead::parse(format!("GET /{}", "a".repeat(60_000)).as_bytes());
        assert_eq!((head.path.len(), head.version), (MAX_PATH, None));
    }
}
