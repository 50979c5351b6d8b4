//! The activity of a client's connection: idle, reading a head, serving requests; and whether it
//! takes what is written.
//!
//! Kept in cells that the hot path writes; one timer per connection looks at them now and then.
//! Bodies watch themselves ([`crate::body`]), stream by stream, because on HTTP/2 what arrives on a
//! connection (a PING, say) tells nothing about a body.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Waker};

use tokio::sync::Notify;
use tokio::time::{Duration, Instant};
use upshift_config::Limits;

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ActivityState {
    /// It waits for the first byte of a request.
    Idle,
    /// It waits for the end of a header section.
    ReadingHead,
    /// A request is being served.
    InFlight,
}

/// Why a client was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Expired {
    /// It asked nothing more.
    Idle,
    /// It never finished its header section.
    Head,
    /// It neither sent nor took bytes that were due.
    Stalled,
}

/// The activity of one connection.
pub(crate) struct Activity {
    phase: Cell<ActivityState>,
    since: Cell<Instant>,
    requests: Cell<usize>,
    /// How many have begun.
    started: Cell<u64>,
    /// Since when the transport has taken nothing of what is to be written.
    blocked: Cell<Option<Instant>>,
    /// Bytes between requests begin a header section. On HTTP/2 they may be a PING.
    one_at_a_time: Cell<bool>,
    unread: Cell<bool>,
    /// The content of the request under way is malformed.
    broken: Cell<bool>,
    /// The task that waits for more of that content.
    reader: RefCell<Option<Waker>>,
    /// The task that waits for the end of a request.
    waiter: RefCell<Option<Waker>>,
    /// What other cores see of it.
    idle: Arc<IdleMark>,
    /// When it has to end to make room for another connection.
    evicted: Cell<Option<Instant>>,
}

/// The state of a connection as every core sees it: busy, idle and since when, or about to end to
/// make room.
#[derive(Debug)]
pub(crate) struct IdleMark {
    /// [`BUSY`], [`LEAVING`], or nanoseconds after [`START`].
    state: AtomicU64,
    /// It may take [`GOODBYE`] to end.
    in_peace: AtomicBool,
    eviction: Notify,
}

const BUSY: u64 = 0;
const LEAVING: u64 = 1;

/// The zero of the times in [`IdleMark`].
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl IdleMark {
    fn new() -> Self {
        Self {
            state: AtomicU64::new(idle_now()),
            in_peace: AtomicBool::new(true),
            eviction: Notify::new(),
        }
    }

    fn set(&self, state: u64) {
        self.state.store(state, Relaxed);
    }

    /// Since when it is idle, in nanoseconds after an instant that is the same for all; `None` if
    /// it is not.
    pub(crate) fn idle_since(&self) -> Option<u64> {
        Some(self.state.load(Relaxed)).filter(|since| *since > LEAVING)
    }

    /// Tells whether it makes room and has no request.
    pub(crate) fn is_leaving(&self) -> bool {
        self.state.load(Relaxed) == LEAVING
    }

    /// Asks the connection, idle since then, to make room for another: at once, or when its client
    /// has been told. False if a request has come to it.
    pub(crate) fn evict(&self, since: u64, at_once: bool) -> bool {
        if self.state.compare_exchange(since, LEAVING, Relaxed, Relaxed).is_err() {
            return false;
        }
        self.in_peace.store(!at_once, Relaxed);
        self.eviction.notify_one();
        true
    }
}

/// Now, as the time of an [`IdleMark`].
pub(crate) fn idle_now() -> u64 {
    let now = u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX);
    now.max(LEAVING + 1)
}

/// How long a connection that makes room may take to end.
const GOODBYE: Duration = Duration::from_secs(1);

impl Activity {
    /// A connection just accepted.
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            phase: Cell::new(ActivityState::Idle),
            since: Cell::new(Instant::now()),
            requests: Cell::new(0),
            started: Cell::new(0),
            blocked: Cell::new(None),
            one_at_a_time: Cell::new(true),
            unread: Cell::new(false),
            broken: Cell::new(false),
            reader: RefCell::default(),
            waiter: RefCell::default(),
            idle: Arc::new(IdleMark::new()),
            evicted: Cell::new(None),
        })
    }

    /// The connection is multiplexed.
    pub(crate) fn set_multiplexed(&self) {
        self.one_at_a_time.set(false);
        // What was read of it is the preface, and no head.
        if self.phase.get() == ActivityState::ReadingHead {
            self.enter_state(ActivityState::Idle);
        }
    }

    /// Bytes arrived.
    pub(crate) fn record_read(&self) {
        if self.phase.get() == ActivityState::Idle && self.one_at_a_time.get() {
            self.enter_state(ActivityState::ReadingHead);
        }
    }

    /// Bytes were to be written, and were if `taken`.
    pub(crate) fn record_write(&self, taken: bool) {
        if taken {
            self.blocked.set(None);
        } else if self.blocked.get().is_none() {
            self.blocked.set(Some(Instant::now()));
        }
    }

    /// The body of a request is given up before its end.
    pub(crate) fn leave_unread(&self) {
        self.unread.set(true);
    }

    /// Tells whether the client may still be sending a body that is no longer read.
    pub(crate) fn left_unread(&self) -> bool {
        self.unread.get()
    }

    /// Whether so many requests have been served, and none is being served. If not, the task of
    /// `cx` is woken when one ends.
    pub(crate) fn is_done_with(&self, requests: u64, cx: &Context<'_>) -> bool {
        let done = self.started.get() >= requests && self.requests.get() == 0;
        if !done {
            self.waiter.replace(Some(cx.waker().clone()));
        }
        done
    }

    /// The content of the request under way is malformed, and no more of it will come.
    pub(crate) fn break_content(&self) {
        if !self.broken.replace(true)
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
    }

    /// Tells whether the content is malformed. If not, the task of `cx` is woken when it turns out
    /// to be.
    pub(crate) fn is_content_broken(&self, cx: &Context<'_>) -> bool {
        let broken = self.broken.get();
        if !broken {
            self.reader.replace(Some(cx.waker().clone()));
        }
        broken
    }

    /// What other cores see of it.
    pub(crate) fn idle_mark(&self) -> Arc<IdleMark> {
        Arc::clone(&self.idle)
    }

    /// Tells whether it was asked to make room.
    pub(crate) fn is_evicted(&self) -> bool {
        self.evicted.get().is_some()
    }

    /// Resolves when it has been asked to make room.
    pub(crate) async fn wait_for_eviction(&self) {
        if self.evicted.get().is_none() {
            self.idle.eviction.notified().await;
            let goodbye = if self.idle.in_peace.load(Relaxed) { GOODBYE } else { Duration::ZERO };
            self.evicted.set(Some(Instant::now() + goodbye));
        }
    }

    /// The handshake of TLS is over: it waits for a request.
    pub(crate) fn handshake_ended(&self) {
        self.enter_state(ActivityState::Idle);
    }

    /// A request begins; it ends when the guard is dropped.
    pub(crate) fn begin_request(self: &Rc<Self>) -> ActiveRequest {
        self.requests.set(self.requests.get() + 1);
        self.started.set(self.started.get() + 1);
        self.phase.set(ActivityState::InFlight);
        self.idle.set(BUSY);
        ActiveRequest(Rc::clone(self))
    }

    /// When to give the client up, unless something changes; `None` while it owes nothing.
    pub(crate) fn deadline(&self, limits: &Limits) -> Option<(Instant, Expired)> {
        let since = self.since.get();
        let waiting = match self.phase.get() {
            ActivityState::Idle => {
                Some((self.evicted.get().unwrap_or(since + limits.idle), Expired::Idle))
            }
            ActivityState::ReadingHead => Some((since + limits.header_timeout, Expired::Head)),
            ActivityState::InFlight => None,
        };
        let blocked = self.blocked.get().map(|since| (since + limits.idle, Expired::Stalled));
        match (waiting, blocked) {
            (Some(waiting), Some(blocked)) if blocked.0 < waiting.0 => Some(blocked),
            (waiting, blocked) => waiting.or(blocked),
        }
    }

    /// The reason if the client is to be given up now, else when to look again.
    pub(crate) fn check_deadline(&self, limits: &Limits, now: Instant) -> Result<Instant, Expired> {
        match self.deadline(limits) {
            Some((at, expired)) if at <= now => Err(expired),
            Some((at, _)) => Ok(at),
            None => Ok(now + limits.idle),
        }
    }

    fn enter_state(&self, phase: ActivityState) {
        self.phase.set(phase);
        self.idle.set(match phase {
            ActivityState::Idle if self.evicted.get().is_some() => LEAVING,
            ActivityState::Idle => idle_now(),
            ActivityState::ReadingHead | ActivityState::InFlight => BUSY,
        });
        self.since.set(Instant::now());
    }
}

/// A request that is being served, until its answer's last byte.
pub(crate) struct ActiveRequest(Rc<Activity>);

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let left = self.0.requests.get() - 1;
        self.0.requests.set(left);
        if let Some(waiter) = self.0.waiter.take() {
            waiter.wake();
        }
        if left == 0 {
            self.0.enter_state(ActivityState::Idle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expired(activity: &Activity) -> Option<Expired> {
        let limits = Limits::default();
        activity.check_deadline(&limits, Instant::now() + limits.idle * 2).err()
    }

    #[test]
    fn a_client_is_given_up_for_what_it_owes() {
        let activity = Activity::new();
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

    /// Neither what the client sends nor what it asks hides that it takes nothing.
    #[test]
    fn a_blocked_client_stays_blocked_when_it_sends() {
        let activity = Activity::new();
        activity.set_multiplexed();
        let _request = activity.begin_request();
        activity.record_write(false);
        activity.record_read();
        let _another = activity.begin_request();
        assert_eq!(expired(&activity), Some(Expired::Stalled));
    }

    #[tokio::test]
    async fn only_an_idle_connection_makes_room_and_only_once() {
        let activity = Activity::new();
        let request = activity.begin_request();
        let mark = activity.idle_mark();
        assert_eq!(mark.idle_since(), None);
        drop(request);
        let since = mark.idle_since().expect("it is idle");
        assert!(mark.evict(since, false) && !mark.evict(since, false));
        assert!(mark.idle_since().is_none() && mark.is_leaving());
        activity.wait_for_eviction().await;
        let limits = Limits::default();
        let (due, expired) = activity.deadline(&limits).expect("it is due");
        assert!(
            due <= Instant::now() + GOODBYE && due > Instant::now() && expired == Expired::Idle
        );
        let request = activity.begin_request();
        assert!(!mark.is_leaving(), "a request has come, and is served");
        drop(request);
        assert!(mark.is_leaving(), "it ends all the same");
    }

    #[tokio::test]
    async fn a_connection_that_makes_room_at_once_is_due() {
        let activity = Activity::new();
        let mark = activity.idle_mark();
        assert!(mark.evict(mark.idle_since().expect("it is idle"), true));
        activity.wait_for_eviction().await;
        let (due, _) = activity.deadline(&Limits::default()).expect("it is due");
        assert!(due <= Instant::now());
    }

    #[test]
    fn a_ping_begins_no_header_section() {
        let activity = Activity::new();
        activity.set_multiplexed();
        activity.record_read();
        assert_eq!(expired(&activity), Some(Expired::Idle));
    }
}
