//! The periodic work of [`Control`]: the breaker, overrides that end, and notices that are due.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use upshift_adoption::breaker::Crossing;
use upshift_core::Timestamp;

use super::Control;
use super::webhook::{WebhookDelivery, deliver_all, report_body};

/// The time between two ticks. A breaker trips within this and the time that a core takes to hand
/// in its tally.
pub(crate) const TICK_INTERVAL: Duration = Duration::from_millis(250);

/// The time between two ticks while no core hands in a tally: overrides end and phases change by the
/// clock.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);

/// Ticks until the task is dropped. `tls` returns the TLS configuration for webhooks over https,
/// which a reload may replace.
pub(crate) async fn run_ticks(control: Arc<Control>, tls: impl Fn() -> Arc<rustls::ClientConfig>) {
    let (deliveries, queued) = mpsc::unbounded_channel();
    // A webhook is slow, and the breaker must not wait for it.
    let delivering = tokio::spawn(deliver_all(queued));
    while !delivering.is_finished() {
        let handed_in = timeout(IDLE_INTERVAL, control.handed_in.notified()).await;
        for delivery in control.tick(Timestamp::now()) {
            // Fails only if the delivering task has ended, which ends the loop as well.
            let _ = deliveries.send((delivery, tls()));
        }
        if handed_in.is_ok() {
            sleep(TICK_INTERVAL).await;
        }
    }
}

impl Control {
    /// Does the work that is due at `now`, and returns the webhook deliveries that result.
    pub(crate) fn tick(&self, now: Timestamp) -> Vec<WebhookDelivery> {
        let tallies =
            std::mem::take(&mut *self.inbox.lock().unwrap_or_else(PoisonError::into_inner));
        let mut state = self.state();
        state.add_tallies(&tallies, now);
        let crossings = state.check_breaker(now, &self.publish);
        state.end_lapsed_overrides(now, &self.publish);
        for notice in state.due_notices(now) {
            tracing::warn!(exemption = notice.exemption.name, "{}", notice.summary());
        }
        state.check_calendar(now);
        webhook_deliveries(state.webhook.as_deref(), &crossings)
    }
}

fn webhook_deliveries(address: Option<&str>, crossings: &[Crossing]) -> Vec<WebhookDelivery> {
    let Some(address) = address else { return Vec::new() };
    let mut deliveries = Vec::new();
    for crossing in crossings {
        let body = report_body(crossing);
        deliveries.push(WebhookDelivery { address: address.to_owned(), body });
    }
    deliveries
}
