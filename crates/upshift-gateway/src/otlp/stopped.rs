//! The end of the gateway, which the export waits for.

use tokio::sync::watch;

/// Becomes true when the gateway has served its last request.
pub(crate) type Stopped = watch::Receiver<bool>;

/// Returns true if the gateway has stopped.
pub(super) fn is_stopped(stopped: &Stopped) -> bool {
    // Without the other end, the gateway is gone, too.
    *stopped.borrow() || stopped.has_changed().is_err()
}
