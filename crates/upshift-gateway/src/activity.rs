//! Whether a client still does its part: what its connection is waiting for, and since when.
//!
//! Kept in two cells that the hot path writes; one timer per connection looks at them now and then, so that no request
//! sets a timer of its own.

use std::cell::Cell;
use std::rc::Rc;
use upshift_config::Limits;

use tokio::time::Instant;

/// What the connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The first byte of a request.
    Rest,
    /// The end of a header section.
    Head,
    /// Nothing of the client: a request is being served.
    Busy,
    /// The client to send more of a body, or to take more of an answer.
    Stalled,
}

/// Why a client was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Expired {
    /// It asked nothing more.
    Rest,
    /// It never finished its header section.
    Head,
    /// It neither sent nor took bytes that were due.
    Stalled,
}

/// The state of one connection.
pub(crate) struct Pulse {
    phase: Cell<Phase>,
    since: Cell<Instant>,
    requests: Cell<usize>,
    /// Bytes between requests begin a header section. On HTTP/2 they may be a PING.
    one_at_a_time: Cell<bool>,
    unread: Cell<bool>,
}

impl Pulse {
    /// A connection just accepted.
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            phase: Cell::new(Phase::Rest),
            since: Cell::new(Instant::now()),
            requests: Cell::new(0),
            one_at_a_time: Cell::new(true),
            unread: Cell::new(false),
        })
    }

    /// The connection is multiplexed.
    pub(crate) fn multiplexed(&self) {
        self.one_at_a_time.set(false);
    }

    /// Bytes arrived.
    pub(crate) fn received(&self) {
        match self.phase.get() {
            Phase::Rest if self.one_at_a_time.get() => self.enter(Phase::Head),
            Phase::Stalled => self.enter(Phase::Busy),
            _ => {}
        }
    }

    /// Bytes were to be written, and were if `taken`.
    pub(crate) fn wrote(&self, taken: bool) {
        match (self.phase.get(), taken) {
            (Phase::Busy, false) => self.enter(Phase::Stalled),
            (Phase::Stalled, true) => self.enter(Phase::Busy),
            _ => {}
        }
    }

    /// More of a body is wanted and has not come.
    pub(crate) fn starved(&self) {
        if self.phase.get() == Phase::Busy {
            self.enter(Phase::Stalled);
        }
    }

    /// The body of a request is given up before its end.
    pub(crate) fn leave_unread(&self) {
        self.unread.set(true);
    }

    /// Whether the client may still be sending what nobody will read.
    pub(crate) fn left_unread(&self) -> bool {
        self.unread.get()
    }

    /// A request begins; it ends when the guard is dropped.
    pub(crate) fn request(self: &Rc<Self>) -> InFlight {
        self.requests.set(self.requests.get() + 1);
        self.phase.set(Phase::Busy);
        InFlight(Rc::clone(self))
    }

    /// When to give the client up, unless something changes; `None` while it owes nothing.
    fn deadline(&self, limits: &Limits) -> Option<(Instant, Expired)> {
        let since = self.since.get();
        match self.phase.get() {
            Phase::Rest => Some((since + limits.idle, Expired::Rest)),
            Phase::Head => Some((since + limits.header_timeout, Expired::Head)),
            Phase::Stalled => Some((since + limits.idle, Expired::Stalled)),
            Phase::Busy => None,
        }
    }

    /// When to look next, if that is known.
    pub(crate) fn due(&self, limits: &Limits) -> Option<Instant> {
        self.deadline(limits).map(|(at, _)| at)
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(Instant::now());
    }

    /// Looks at the pulse: the reason if the client is to be given up now, else when to look again.
    pub(crate) fn check(&self, limits: &Limits, now: Instant) -> Result<Instant, Expired> {
        match self.deadline(limits) {
            Some((at, expired)) if at <= now => Err(expired),
            Some((at, _)) => Ok(at),
            None => Ok(now + limits.idle),
        }
    }
}

/// A request that is being served, until its answer's last byte.
pub(crate) struct InFlight(Rc<Pulse>);

impl Drop for InFlight {
    fn drop(&mut self) {
        let left = self.0.requests.get() - 1;
        self.0.requests.set(left);
        if left == 0 {
            self.0.enter(Phase::Rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expired(pulse: &Pulse) -> Option<Expired> {
        let limits = Limits::default();
        pulse.check(&limits, Instant::now() + limits.idle * 2).err()
    }

    #[test]
    fn a_client_is_given_up_for_what_it_owes() {
        let pulse = Pulse::new();
        assert_eq!(expired(&pulse), Some(Expired::Rest));
        pulse.received();
        assert_eq!(expired(&pulse), Some(Expired::Head));
        let request = pulse.request();
        assert_eq!(expired(&pulse), None);
        pulse.starved();
        assert_eq!(expired(&pulse), Some(Expired::Stalled));
        pulse.received();
        assert_eq!(expired(&pulse), None);
        pulse.wrote(false);
        assert_eq!(expired(&pulse), Some(Expired::Stalled));
        drop(request);
        assert_eq!(expired(&pulse), Some(Expired::Rest));
    }

    #[test]
    fn a_ping_begins_no_header_section() {
        let pulse = Pulse::new();
        pulse.multiplexed();
        pulse.received();
        assert_eq!(expired(&pulse), Some(Expired::Rest));
    }
}
