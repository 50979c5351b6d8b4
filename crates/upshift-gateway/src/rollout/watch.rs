//! Four times a second: what the cores counted, what has ended, what is due.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use upshift_adoption::breaker::Crossing;
use upshift_core::Timestamp;

use super::webhook::{self, Hooked};
use super::{Control, state::State};

/// How often the breaker looks: a trip follows a crossing within this and the time a core takes to
/// hand in.
pub(crate) const EVERY: Duration = Duration::from_millis(250);

/// Looks until the task is dropped. `tls` gives what webhooks over https are sent with now.
pub(crate) async fn watch(control: Arc<Control>, tls: impl Fn() -> Arc<rustls::ClientConfig>) {
    let (tell, told) = mpsc::unbounded_channel();
    let telling = tokio::spawn(webhook::deliver(told));
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !telling.is_finished() {
        every.tick().await;
        for hooked in control.tick(Timestamp::now()) {
            // It is refused only when nobody listens any more, and then the loop ends, too.
            let _ = tell.send((hooked, tls()));
        }
    }
}

impl Control {
    /// Looks at everything once, and returns who is to be told of what.
    pub(crate) fn tick(&self, now: Timestamp) -> Vec<Hooked> {
        let tallies =
            std::mem::take(&mut *self.inbox.lock().unwrap_or_else(PoisonError::into_inner));
        let mut state = self.state();
        state.absorb(&tallies, now);
        let crossings = state.check_breaker(now, &self.publish);
        state.lapse(now, &self.publish);
        for notice in state.notices(now) {
            tracing::warn!(exemption = notice.exemption.name, "{}", notice.sentence());
        }
        let policy = state.effective(&state.overrides, now);
        state.tell_phases(&policy, now);
        hooked(&state, &crossings)
    }
}

fn hooked(state: &State, crossings: &[Crossing]) -> Vec<Hooked> {
    let Some(address) = &state.webhook else { return Vec::new() };
    let hooked = |crossing| Hooked { address: address.clone(), body: webhook::body(crossing) };
    crossings.iter().map(hooked).collect()
}
