//! A request of HTTP/0.9, which has no version: does the server answer with bare content?

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use upshift_record::probe::ProbeOutcome;
use upshift_record::{ExchangeEnd, RecordedRequest};

use super::inquiry::{Failure, Inquiry};
use super::loose_head::read_loosely;
use super::prober::{ByteStream, Prober};
use super::settings::BODY_LIMIT;
use super::target::Target;

/// The time after which we close our side: a server that waits for a header section then knows that
/// none comes.
const HALF_CLOSE_AFTER: Duration = Duration::from_millis(300);

impl Prober {
    /// Sends `GET /path` without a version.
    pub(super) async fn ask_http09(
        &self,
        to: &Target,
        inquiry: &mut Inquiry,
    ) -> Result<(), Failure> {
        let mut stream = self.connect_http1(to, inquiry).await?;
        inquiry.exchange.request = Some(RecordedRequest {
            method: "GET".into(),
            target: to.path.as_str().into(),
            version: "0.9".to_owned(),
            fields: Vec::new(),
            body: None,
            trailers: Vec::new(),
        });
        stream.write_all(format!("GET {}\r\n", to.path).as_bytes()).await?;
        stream.flush().await?;
        let mut received = Vec::new();
        let reading = read_to_end(&mut stream, &mut received);
        if tokio::time::timeout(HALF_CLOSE_AFTER, reading).await.is_err() {
            // A server that has closed already is noticed by the next read.
            let _ = stream.shutdown().await;
            read_to_end(&mut stream, &mut received).await;
        }
        let (outcome, reason) = judge_content(&received);
        inquiry.exchange.response = read_loosely(&received);
        inquiry.exchange.end = Some(match received.as_slice() {
            [] => ExchangeEnd::Closed,
            _ => ExchangeEnd::Complete,
        });
        inquiry.conclude(outcome, reason);
        Ok(())
    }
}

/// Reads until the server closes, or the limit of what is recorded.
async fn read_to_end(stream: &mut impl ByteStream, received: &mut Vec<u8>) {
    let mut buffer = [0; 4096];
    while received.len() < BODY_LIMIT {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => received.extend_from_slice(&buffer[..length]),
        }
    }
}

fn judge_content(received: &[u8]) -> (ProbeOutcome, String) {
    if received.is_empty() {
        return (ProbeOutcome::Declined, "connection closed".to_owned());
    }
    match read_loosely(received) {
        Some(response) => {
            (ProbeOutcome::Declined, format!("HTTP/{} {}", response.version, response.status))
        }
        // The SETTINGS of a server that speaks HTTP/2 alone, or a TLS alert.
        None if received[0] < b'\t' || received[0] == 0x15 => {
            (ProbeOutcome::Declined, "no HTTP/1".to_owned())
        }
        None => (ProbeOutcome::Accepted, format!("{} octets without a head", received.len())),
    }
}
