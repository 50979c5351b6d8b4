//! Notifications to a service manager (sd_notify(3)): `READY`, `RELOADING` and `STOPPING`.
//!
//! Without `NOTIFY_SOCKET` in the environment they go nowhere. A failure to send one is not worth
//! stopping for.

use sd_notify::NotifyState;

/// Tells that requests are served.
pub(super) fn notify_ready() {
    send_states(&[NotifyState::Ready]);
}

/// Tells that the configuration is being read again. [`notify_ready`] has to follow.
pub(super) fn notify_reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send_states(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "the time of the reload is not known"),
    }
}

/// Tells that no more connections will be accepted.
pub(super) fn notify_stopping() {
    send_states(&[NotifyState::Stopping]);
}

fn send_states(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be notified");
    }
}
