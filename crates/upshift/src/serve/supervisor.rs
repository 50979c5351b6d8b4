//! Notifications to a service manager (sd_notify(3)): `READY`, `RELOADING` and `STOPPING`.
//!
//! Without `NOTIFY_SOCKET` in the environment they go nowhere. A failure to send one is not worth
//! stopping for.

use sd_notify::NotifyState;

/// Tells that requests are served.
pub(super) fn ready() {
    notify(&[NotifyState::Ready]);
}

/// Tells that the configuration is being read again. [`ready`] has to follow.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "the time of the reload is not known"),
    }
}

/// Tells that no more connections will be accepted.
pub(super) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be notified");
    }
}
