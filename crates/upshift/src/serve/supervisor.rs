//! Notifications to a service manager (sd_notify(3)): `READY`, `RELOADING` and `STOPPING`.
//!
//! Without `NOTIFY_SOCKET` in the environment nothing is sent. A failure to send is logged and no
//! reason to stop.

use sd_notify::NotifyState;

/// Reports that requests are served.
pub(super) fn notify_ready() {
    send_states(&[NotifyState::Ready]);
}

/// Reports that the configuration is being reloaded. [`notify_ready`] has to follow.
pub(super) fn notify_reloading() {
    match NotifyState::monotonic_usec_now() {
        // sd_notify(3): a unit with `Type=notify-reload` needs the time along with `RELOADING`.
        Ok(now) => send_states(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "cannot report the reload: no monotonic time"),
    }
}

/// Reports that no more connections will be accepted.
pub(super) fn notify_stopping() {
    send_states(&[NotifyState::Stopping]);
}

fn send_states(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot notify the service manager");
    }
}
