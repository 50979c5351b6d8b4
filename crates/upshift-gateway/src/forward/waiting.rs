//! The wait for the head of a response.

use tokio::time::{Duration, Instant, sleep_until};
use upshift_config::Limits;

use crate::body::{UploadProgress, UploadState};
use crate::upstream::{EndpointFailure, UpstreamEndpoint};

/// The wait after which a client that gives up counts as a failure of the endpoint.
const ABANDONED_AFTER: Duration = Duration::from_secs(1);

/// The timeouts for an upstream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpstreamTimeouts {
    /// From the end of the request to the head of the response.
    pub(super) response: Duration,
    /// Between two pieces of a body, in either direction.
    pub(super) silence: Duration,
}

impl UpstreamTimeouts {
    /// The timeouts in `limits`.
    pub(crate) fn from_limits(limits: &Limits) -> Self {
        Self { response: limits.upstream_response, silence: limits.upstream_silence }
    }
}

/// The wait for the head of a response. If it is dropped because the client gave up, it counts
/// against the endpoint.
pub(super) struct ResponseWait<'a> {
    endpoint: &'a UpstreamEndpoint,
    upload: &'a UploadProgress,
    since: Instant,
    over: bool,
}

impl<'a> ResponseWait<'a> {
    /// Begins a wait.
    pub(super) fn begin(endpoint: &'a UpstreamEndpoint, upload: &'a UploadProgress) -> Self {
        Self { endpoint, upload, since: Instant::now(), over: false }
    }

    /// Ends the wait: there is a response, or an error.
    pub(super) fn finish(mut self) {
        self.over = true;
    }
}

impl Drop for ResponseWait<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let (state, moved) = self.upload.state();
        // While the client still has to send content, the endpoint need not respond.
        let is_due = matches!(state, UploadState::Done | UploadState::Upstream);
        if is_due && self.since.max(moved).elapsed() >= ABANDONED_AFTER {
            self.endpoint.record_failure(EndpointFailure::Abandoned);
        }
    }
}

/// The deadline for the upstream in an exchange that began at `began`, and the action that is due.
/// `None` while the gateway waits for the client's content, which has its own time limit.
pub(super) fn upstream_deadline(
    upload: &UploadProgress,
    timeouts: UpstreamTimeouts,
    began: Instant,
) -> Option<(Instant, &'static str)> {
    let (state, since) = upload.state();
    let since = since.max(began);
    match state {
        UploadState::Done => Some((since + timeouts.response, "to answer")),
        UploadState::Upstream => Some((since + timeouts.silence, "to take the request")),
        _ => None,
    }
}

/// Resolves when the upstream has had the whole request for too long without responding, or has
/// read nothing more of it for too long. While the gateway waits for the client's content, only the
/// time limit of the body applies.
pub(super) async fn wait_for_timeout(
    upload: &UploadProgress,
    timeouts: UpstreamTimeouts,
) -> &'static str {
    let mut wake_at = Instant::now() + timeouts.response.min(timeouts.silence);
    loop {
        sleep_until(wake_at).await;
        let now = Instant::now();
        let (due, what) = match upload.state() {
            (UploadState::Done, since) => (since + timeouts.response, "to answer"),
            (UploadState::Upstream, since) => (since + timeouts.silence, "to take the request"),
            _ => (now + timeouts.silence, ""),
        };
        if due <= now {
            return what;
        }
        wake_at = due;
    }
}
