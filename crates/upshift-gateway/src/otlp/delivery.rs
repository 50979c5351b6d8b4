//! Delivers one export, with retries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use tokio::time::{Instant, sleep};
use upshift_record::number_text::counted;

use super::stopped::{Stopped, is_stopped};
use crate::shared::Shared;
use crate::telemetry::plan::Receiver;
use crate::telemetry::traces::{ExportLosses, Signal};
use crate::upstream::PostRequest;

/// The times to wait before each attempt.
const WAITS: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// The longest time that a receiver can ask to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The time for the last export, when the gateway stops.
const LAST_TIMEOUT: Duration = Duration::from_secs(2);

/// The time between two lines in the log about a receiver that cannot be reached.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Delivers the exports of one signal.
pub(super) struct Delivery {
    shared: Arc<Shared>,
    stopped: Stopped,
    signal: Signal,
    /// The time at which the present row of failures was last logged.
    logged: Option<Instant>,
}

/// The outcome of one attempt.
enum Attempt {
    Accepted,
    /// It may be accepted later, or after this time.
    Later(String, Option<Duration>),
    Rejected(String),
}

impl Delivery {
    /// Deliveries of `signal`.
    pub(super) fn new(shared: Arc<Shared>, stopped: Stopped, signal: Signal) -> Self {
        Self { shared, stopped, signal, logged: None }
    }

    /// Sends `body` to `receiver`, and returns true if it was accepted. A failure is logged and
    /// counted.
    pub(super) async fn deliver(&mut self, receiver: &Receiver, body: Bytes) -> bool {
        let mut asked = None;
        for (attempt, wait) in WAITS.into_iter().enumerate() {
            if attempt > 0 && !self.wait(asked.unwrap_or(wait)).await {
                break;
            }
            match self.attempt(receiver, body.clone()).await {
                Attempt::Accepted => {
                    self.log_success(receiver);
                    return true;
                }
                Attempt::Later(why, retry_after) => {
                    self.log_failure(receiver, &why);
                    asked = retry_after;
                }
                Attempt::Rejected(why) => {
                    self.log_failure(receiver, &why);
                    break;
                }
            }
        }
        self.shared.losses.count_failure(self.signal);
        false
    }

    /// Waits before another attempt. Returns false if the gateway stops: there is no other attempt.
    async fn wait(&mut self, time: Duration) -> bool {
        if is_stopped(&self.stopped) {
            return false;
        }
        tokio::select! {
            () = sleep(time.min(LONGEST_WAIT)) => true,
            // The one last attempt is worth its time.
            _ = self.stopped.changed() => true,
        }
    }

    async fn attempt(&self, receiver: &Receiver, body: Bytes) -> Attempt {
        let request = PostRequest {
            url: &receiver.url,
            content_type: "application/x-protobuf",
            headers: &receiver.headers,
            body,
        };
        let is_last = is_stopped(&self.stopped);
        let limit = if is_last { receiver.timeout.min(LAST_TIMEOUT) } else { receiver.timeout };
        let tls = Arc::clone(&self.shared.generation.load().telemetry_tls);
        match request.send(tls, limit).await {
            Ok((status, _)) if status.is_success() => Attempt::Accepted,
            Ok((status, headers)) if may_be_repeated(status) => {
                Attempt::Later(status.to_string(), retry_after(&headers))
            }
            Ok((status, _)) => Attempt::Rejected(status.to_string()),
            Err(why) => Attempt::Later(why, None),
        }
    }

    fn log_success(&mut self, receiver: &Receiver) {
        if self.logged.take().is_some() {
            tracing::info!(url = receiver.url, "{} are exported again", self.signal.as_str());
        }
    }

    /// Logs the first failure of a row, and one a minute of the others.
    fn log_failure(&mut self, receiver: &Receiver, why: &str) {
        if self.logged.is_some_and(|logged| logged.elapsed() < LOG_INTERVAL) {
            return;
        }
        self.logged = Some(Instant::now());
        let (url, signal) = (&receiver.url, self.signal.as_str());
        let lost = lost_text(self.signal, &self.shared.losses);
        tracing::warn!(
            url,
            "cannot export {signal}: {why}; {lost}; check `endpoint` in [telemetry.otlp] or \
             OTEL_EXPORTER_OTLP_ENDPOINT"
        );
    }
}

/// The losses of a signal since the start. Metrics are sums: the next export has all of them.
fn lost_text(signal: Signal, losses: &ExportLosses) -> String {
    match signal {
        Signal::Metrics => {
            format!("{} so far", counted(losses.failures_of(signal), "failed export"))
        }
        Signal::Traces => format!("{} dropped so far", counted(losses.spans(), "span")),
    }
}

/// OTLP 1.5 "Failures": 429, 502, 503 and 504 are retryable, and no other status is.
fn may_be_repeated(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// The seconds of `Retry-After` (RFC 9110 §10.2.3). A date is ignored.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_is_lost() {
        let losses = ExportLosses::default();
        losses.count_spans(1_200);
        losses.count_failure(Signal::Metrics);
        assert_eq!(lost_text(Signal::Traces, &losses), "1,200 spans dropped so far");
        assert_eq!(lost_text(Signal::Metrics, &losses), "1 failed export so far");
    }
}
