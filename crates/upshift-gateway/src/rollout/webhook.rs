//! The webhook: one POST of JSON when a breaker crosses its limit, with retries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::sleep;
use upshift_adoption::breaker::Crossing;

use crate::upstream::PostRequest;

/// The time limit of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// The waits before each attempt.
const WAITS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)];

/// A report to be delivered, and its address.
#[derive(Debug)]
pub(crate) struct WebhookDelivery {
    pub(crate) address: String,
    pub(crate) body: String,
}

/// The JSON that reports a crossing. Chat programs show `text`. It contains no identity and no
/// network.
pub(crate) fn report_body(crossing: &Crossing) -> String {
    let trip = &crossing.trip;
    let (rule, sentence) = (&trip.rule, trip.summary());
    let (event, phase, text) = if crossing.trips() {
        let text = format!(
            "Upshift's breaker tripped: rule {rule} only warns until it is resumed. {sentence}."
        );
        ("breaker-tripped", Some("warn"), text)
    } else {
        let reason = crossing.withheld_reason();
        let text = format!(
            "Upshift's breaker did not stop rule {rule}, because of one network. {sentence}; \
             {reason}."
        );
        ("breaker-withheld", None, text)
    };
    serde_json::json!({
        "event": event,
        "text": text,
        "rule": rule.as_ref(),
        "phase": phase,
        "at": trip.at.to_string(),
        "seen": trip.seen,
        "refused": trip.refused,
        "share": trip.share(),
        "concentration": trip.concentration(),
        "refused_share": trip.limits.refused_share,
        "window": trip.limits.window,
        "minimum": trip.limits.minimum,
    })
    .to_string()
}

/// Delivers what is queued, each in a task of its own, until the sender is dropped.
pub(crate) async fn deliver_all(
    mut queued: mpsc::UnboundedReceiver<(WebhookDelivery, Arc<rustls::ClientConfig>)>,
) {
    while let Some((delivery, tls)) = queued.recv().await {
        tokio::spawn(async move { deliver_with_retries(&delivery, tls).await });
    }
}

async fn deliver_with_retries(delivery: &WebhookDelivery, tls: Arc<rustls::ClientConfig>) {
    let address = &delivery.address;
    let request = PostRequest {
        url: address,
        content_type: "application/json",
        headers: &[],
        body: Bytes::from(delivery.body.clone()),
    };
    for (attempt, wait) in WAITS.into_iter().enumerate() {
        sleep(wait).await;
        match request.send(Arc::clone(&tls), ATTEMPT_TIMEOUT).await {
            Ok((status, _)) if status.is_success() => {
                tracing::info!(address, %status, "the webhook was delivered");
                return;
            }
            Ok((status, _)) => {
                tracing::warn!(address, %status, attempt, "the webhook was rejected");
            }
            Err(error) => {
                tracing::warn!(address, error, attempt, "the webhook could not be delivered");
            }
        }
    }
    tracing::error!(address, "the webhook was not delivered, and is not tried again");
}
