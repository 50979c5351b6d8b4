//! Tracks client inactivity per connection: idle, slow header sections, slow reads.
//!
//! The hot path only writes cells; one timer per connection reads them. Slow request bodies are
//! tracked by the bodies themselves ([`crate::body`]), stream by stream: on HTTP/2, bytes that
//! arrive on a connection (those of a PING, for example) say nothing about a body.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};

use tokio::sync::{Notify, watch};
use tokio::time::{Duration, Instant};
use upshift_config::Limits;

/// The state of a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ActivityState {
    /// It waits for the first byte of a request.
    Idle,
    /// It waits for the end of a header section.
    ReadingHead,
    /// A request is being served, or something else keeps the connection busy.
    InFlight,
}

/// The reason for closing an inactive client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Expired {
    /// It sent no further request.
    Idle,
    /// It did not finish its header section.
    Head,
    /// It did not read the bytes that were written.
    Stalled,
}

/// The times after which an inactive client's connection is closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActivityTimeouts {
    /// The time between two requests, and for a client to read what is written.
    pub(crate) idle: Duration,
    /// The time for a header section.
    pub(crate) header: Duration,
}

impl From<&Limits> for ActivityTimeouts {
    fn from(limits: &Limits) -> Self {
        Self { idle: limits.idle, header: limits.header_timeout }
    }
}

/// The activity of one connection.
pub(crate) struct Activity {
    state: Cell<ActivityState>,
    since: Cell<Instant>,
    /// The number of active requests, and of other guards that keep it busy.
    active: Cell<usize>,
    /// The time since which writes to the transport are pending.
    blocked: Cell<Option<Instant>>,
    /// The connection is multiplexed: bytes between requests may be a PING, and do not begin a
    /// header section.
    multiplexed: Cell<bool>,
    /// The state for other cores.
    idle: Arc<IdleMark>,
    /// The time by which it has to close to make room for another connection.
    evicted: Cell<Option<Instant>>,
    /// The reason for which the gateway closes it, if its client is too slow.
    given_up: Cell<Option<Expired>>,
    /// Becomes true when the gateway drains.
    draining: watch::Receiver<bool>,
}

/// The state of a connection for all cores: busy, idle since some time, or closing to make room.
#[derive(Debug)]
pub(crate) struct IdleMark {
    /// [`BUSY`], [`LEAVING`], or nanoseconds after [`START`].
    state: AtomicU64,
    /// It may take [`EVICTION_GRACE`] to close.
    gracefully: AtomicBool,
    /// It was asked to make room. Unlike `state`, this stays when a request arrives meanwhile.
    was_asked: AtomicBool,
    eviction: Notify,
}

const BUSY: u64 = 0;
const LEAVING: u64 = 1;

/// The epoch of the times in [`IdleMark`].
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl IdleMark {
    fn new() -> Self {
        Self {
            state: AtomicU64::new(idle_now()),
            gracefully: AtomicBool::new(true),
            was_asked: AtomicBool::new(false),
            eviction: Notify::new(),
        }
    }

    fn set(&self, state: u64) {
        self.state.store(state, Relaxed);
    }

    /// The time since which it is idle, in nanoseconds after an instant that is the same for all
    /// connections; `None` if it is not idle.
    pub(crate) fn idle_since(&self) -> Option<u64> {
        let state = self.state.load(Relaxed);
        if state > LEAVING { Some(state) } else { None }
    }

    /// Returns true if it was asked to make room and has no active request.
    pub(crate) fn is_leaving(&self) -> bool {
        self.state.load(Relaxed) == LEAVING
    }

    /// Asks the connection, idle since `since`, to make room for another: at once, or after its
    /// client was told. Returns false if it is no longer idle since then.
    pub(crate) fn evict(&self, since: u64, at_once: bool) -> bool {
        // Exactly one core may evict it, and none if a request arrived meanwhile.
        if self.state.compare_exchange(since, LEAVING, Relaxed, Relaxed).is_err() {
            return false;
        }
        self.gracefully.store(!at_once, Relaxed);
        self.was_asked.store(true, Relaxed);
        self.eviction.notify_one();
        true
    }
}

/// The current time for an [`IdleMark`].
pub(crate) fn idle_now() -> u64 {
    let now = u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX);
    // Never equal to one of the two markers.
    now.max(LEAVING + 1)
}

/// The time in which an evicted connection has to close.
const EVICTION_GRACE: Duration = Duration::from_secs(1);

impl Activity {
    /// The activity of a connection that was just accepted. `draining` becomes true when it has to
    /// stop taking requests.
    pub(crate) fn new(draining: watch::Receiver<bool>) -> Rc<Self> {
        Rc::new(Self {
            state: Cell::new(ActivityState::Idle),
            since: Cell::new(Instant::now()),
            active: Cell::new(0),
            blocked: Cell::new(None),
            multiplexed: Cell::new(false),
            idle: Arc::new(IdleMark::new()),
            evicted: Cell::new(None),
            given_up: Cell::new(None),
            draining,
        })
    }

    /// Records that the connection is multiplexed.
    pub(crate) fn set_multiplexed(&self) {
        self.multiplexed.set(true);
        // The bytes read so far are the preface, and no header section.
        if self.state.get() == ActivityState::ReadingHead {
            self.enter_state(ActivityState::Idle);
        }
    }

    /// Records that bytes arrived.
    pub(crate) fn record_read(&self) {
        if self.state.get() == ActivityState::Idle && !self.multiplexed.get() {
            self.enter_state(ActivityState::ReadingHead);
        }
    }

    /// Records an attempt to write; the transport took bytes if `taken`.
    pub(crate) fn record_write(&self, taken: bool) {
        if taken {
            self.blocked.set(None);
        } else if self.blocked.get().is_none() {
            self.blocked.set(Some(Instant::now()));
        }
    }

    /// The time of the first byte of a header section that is not complete; `None` if there is none,
    /// or the connection is multiplexed.
    pub(crate) fn head_began(&self) -> Option<Instant> {
        match self.state.get() {
            ActivityState::ReadingHead => Some(self.since.get()),
            ActivityState::Idle | ActivityState::InFlight => None,
        }
    }

    /// The state for other cores.
    pub(crate) fn idle_mark(&self) -> Arc<IdleMark> {
        Arc::clone(&self.idle)
    }

    /// Returns true if it was asked to make room.
    pub(crate) fn is_evicted(&self) -> bool {
        self.evicted.get().is_some()
    }

    /// Records that the connection is closed because its client is too slow.
    pub(crate) fn give_up(&self, expired: Expired) {
        self.given_up.set(Some(expired));
    }

    /// The reason for which the connection is closed, if its client is too slow.
    pub(crate) fn given_up(&self) -> Option<Expired> {
        self.given_up.get()
    }

    /// Resolves when it is asked to make room.
    pub(crate) async fn wait_for_eviction(&self) {
        if self.evicted.get().is_none() {
            self.idle.eviction.notified().await;
            let goodbye =
                if self.idle.gracefully.load(Relaxed) { EVICTION_GRACE } else { Duration::ZERO };
            self.evicted.set(Some(Instant::now() + goodbye));
        }
    }

    /// Resolves when the gateway drains.
    pub(crate) async fn wait_for_drain(&self) {
        let mut draining = self.draining.clone();
        if draining.wait_for(|draining| *draining).await.is_err() {
            // Without a sender, it never drains.
            pending::<()>().await;
        }
    }

    /// Resolves when the connection has to stop taking requests: when the gateway drains, or it is
    /// asked to make room.
    pub(crate) async fn wait_for_goodbye(&self) {
        tokio::select! {
            () = self.wait_for_drain() => {}
            () = self.wait_for_eviction() => {}
        }
    }

    /// Returns true if [`Self::wait_for_goodbye`], which was polled before, may have resolved since.
    pub(crate) fn may_have_to_stop(&self) -> bool {
        self.idle.was_asked.load(Relaxed) || self.draining.has_changed().unwrap_or(true)
    }

    /// Records the end of the TLS handshake: the connection is idle now.
    pub(crate) fn handshake_ended(&self) {
        self.enter_state(ActivityState::Idle);
    }

    /// Begins a request, which ends when the guard is dropped: after the last byte of the response.
    pub(crate) fn begin_request(self: &Rc<Self>) -> BusyGuard {
        self.begin_busy()
    }

    /// Begins something that is no request and keeps the connection busy until the guard is
    /// dropped: a tunnel, or TLS inside HTTP/1.1.
    pub(crate) fn begin_busy(self: &Rc<Self>) -> BusyGuard {
        self.active.set(self.active.get() + 1);
        // Not `enter_state`, which would read the clock: `since` is not used in this state.
        self.state.set(ActivityState::InFlight);
        self.idle.set(BUSY);
        BusyGuard(Rc::clone(self))
    }

    /// The time to close the connection unless the client does something, and the reason; `None` if
    /// nothing is due from the client.
    pub(crate) fn deadline(&self, timeouts: ActivityTimeouts) -> Option<(Instant, Expired)> {
        let since = self.since.get();
        let waiting = match self.state.get() {
            ActivityState::Idle => {
                Some((self.evicted.get().unwrap_or(since + timeouts.idle), Expired::Idle))
            }
            ActivityState::ReadingHead => Some((since + timeouts.header, Expired::Head)),
            ActivityState::InFlight => None,
        };
        // A client that does not read is closed even while a request is active.
        let Some(blocked_since) = self.blocked.get() else { return waiting };
        let stalled = (blocked_since + timeouts.idle, Expired::Stalled);
        match waiting {
            Some(waiting) if waiting.0 <= stalled.0 => Some(waiting),
            _ => Some(stalled),
        }
    }

    /// Returns the time of the next check.
    ///
    /// # Errors
    /// If the connection has to be closed now.
    pub(crate) fn check_deadline(
        &self,
        timeouts: ActivityTimeouts,
        now: Instant,
    ) -> Result<Instant, Expired> {
        match self.deadline(timeouts) {
            Some((at, expired)) if at <= now => Err(expired),
            Some((at, _)) => Ok(at),
            None => Ok(now + timeouts.idle),
        }
    }

    fn enter_state(&self, state: ActivityState) {
        self.state.set(state);
        self.idle.set(match state {
            // A request that arrived after the eviction was served; the connection closes now.
            ActivityState::Idle if self.evicted.get().is_some() => LEAVING,
            ActivityState::Idle => idle_now(),
            ActivityState::ReadingHead | ActivityState::InFlight => BUSY,
        });
        self.since.set(Instant::now());
    }
}

/// A guard that keeps a connection busy: its client is not inactive, and it does not make room.
pub(crate) struct BusyGuard(Rc<Activity>);

impl Drop for BusyGuard {
    fn drop(&mut self) {
        let left = self.0.active.get() - 1;
        self.0.active.set(left);
        // On HTTP/2, the connection is idle only after the last of its requests.
        if left == 0 {
            self.0.enter_state(ActivityState::Idle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeouts() -> ActivityTimeouts {
        ActivityTimeouts::from(&Limits::default())
    }

    /// The activity of a connection to a gateway that never drains.
    fn new_activity() -> Rc<Activity> {
        Activity::new(watch::channel(false).1)
    }

    fn expired(activity: &Activity) -> Option<Expired> {
        let timeouts = timeouts();
        activity.check_deadline(timeouts, Instant::now() + timeouts.idle * 2).err()
    }

    #[test]
    fn a_client_is_given_up_for_what_it_owes() {
        let activity = new_activity();
        assert_eq!(expired(&activity), Some(Expired::Idle));
        activity.record_read();
        assert_eq!(expired(&activity), Some(Expired::Head));
        let request = activity.begin_request();
        assert_eq!(expired(&activity), None);
        activity.record_write(false);
        assert_eq!(expired(&activity), Some(Expired::Stalled));
        activity.record_write(true);
        assert_eq!(expired(&activity), None);
        drop(request);
        assert_eq!(expired(&activity), Some(Expired::Idle));
    }

    /// Further bytes and requests of a client do not hide that it does not read.
    #[test]
    fn a_blocked_client_stays_blocked_when_it_sends() {
        let activity = new_activity();
        activity.set_multiplexed();
        let _request = activity.begin_request();
        activity.record_write(false);
        activity.record_read();
        let _another = activity.begin_request();
        assert_eq!(expired(&activity), Some(Expired::Stalled));
    }

    #[tokio::test]
    async fn only_an_idle_connection_makes_room_and_only_once() {
        let activity = new_activity();
        let request = activity.begin_request();
        let mark = activity.idle_mark();
        assert_eq!(mark.idle_since(), None);
        drop(request);
        let since = mark.idle_since().expect("it is idle");
        assert!(mark.evict(since, false) && !mark.evict(since, false));
        assert!(mark.idle_since().is_none() && mark.is_leaving());
        assert!(activity.may_have_to_stop());
        activity.wait_for_goodbye().await;
        let (due, expired) = activity.deadline(timeouts()).expect("it is due");
        assert!(
            due <= Instant::now() + EVICTION_GRACE
                && due > Instant::now()
                && expired == Expired::Idle
        );
        let request = activity.begin_request();
        assert!(!mark.is_leaving(), "a request has come, and is served");
        drop(request);
        assert!(mark.is_leaving(), "it ends all the same");
    }

    #[tokio::test]
    async fn a_connection_that_makes_room_at_once_is_due() {
        let activity = new_activity();
        let mark = activity.idle_mark();
        assert!(mark.evict(mark.idle_since().expect("it is idle"), true));
        activity.wait_for_goodbye().await;
        let (due, _) = activity.deadline(timeouts()).expect("it is due");
        assert!(due <= Instant::now());
    }

    #[tokio::test]
    async fn a_draining_gateway_says_goodbye_on_every_connection() {
        let (draining, receiver) = watch::channel(false);
        let activity = Activity::new(receiver);
        assert!(!activity.may_have_to_stop());
        draining.send_replace(true);
        assert!(activity.may_have_to_stop());
        activity.wait_for_goodbye().await;
        assert!(!activity.is_evicted());
    }

    #[test]
    fn a_ping_begins_no_header_section() {
        let activity = new_activity();
        activity.set_multiplexed();
        activity.record_read();
        assert_eq!(expired(&activity), Some(Expired::Idle));
    }
}
