//! The sites behind the gateway, as one core sees them: replicas, their connections, their health.
//!
//! 1. Of two replicas drawn at random, the one with fewer requests under way is asked ("power of two choices").
//! 2. One that refuses connections is passed over for a while, longer each time, unless all do.
//! 3. A request that no upstream can have seen is tried on the next replica.
//! 4. Where this process has no descriptor left, no replica is at fault.

mod connect;
mod pool;
mod retry;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;
use upshift_config::{Address, Limits, Upstream};

pub(crate) use connect::{ConnectError, Connector};
pub(crate) use pool::{Lease, Link, SendError};
pub(crate) use retry::RetryBudget;

use pool::Pool;

/// How long a replica is passed over after its first refusal; it doubles with each further one.
const FIRST_PENALTY: Duration = Duration::from_secs(1);
/// The longest that a replica is passed over.
const LONGEST_PENALTY: Duration = Duration::from_secs(30);

/// The replicas of one site.
pub(crate) struct Site {
    replicas: Vec<Rc<Replica>>,
    /// How many requests may be sent a second time.
    pub(crate) retries: RetryBudget,
}

impl Site {
    /// The site of `upstream`.
    pub(crate) fn new(upstream: &Upstream, connector: &Rc<Connector>) -> Self {
        let replica = |address| Rc::new(Replica::new(address, upstream, connector));
        Self { replicas: upstream.addresses.iter().map(replica).collect(), retries: RetryBudget::new() }
    }

    /// The replicas in the order in which to try them.
    pub(crate) fn candidates(&self, random: &mut Random) -> impl Iterator<Item = &Rc<Replica>> + use<'_> {
        let count = self.replicas.len();
        let now = Instant::now();
        let first = if count > 1 { self.better_of_two(random, now) } else { 0 };
        (0..count).map(move |step| &self.replicas[(first + step) % count])
    }

    fn better_of_two(&self, random: &mut Random, now: Instant) -> usize {
        let count = self.replicas.len();
        let one = random.below(count);
        let other = (one + 1 + random.below(count - 1)) % count;
        let weight = |index: usize| {
            let replica = &self.replicas[index];
            (replica.rests_until(now), replica.under_way.get())
        };
        let best = if weight(other) < weight(one) { other } else { one };
        // Both may be resting while a third is well.
        let well = |index: &usize| self.replicas[*index].rests_until(now).is_none();
        if well(&best) { best } else { (0..count).find(well).unwrap_or(best) }
    }

    /// Closes connections that have rested too long.
    pub(crate) fn sweep(&self, limits: &Limits) {
        for replica in &self.replicas {
            replica.pool.sweep(limits.upstream_idle);
        }
    }
}

/// One address of a site.
pub(crate) struct Replica {
    /// As people know it.
    pub(crate) name: String,
    /// Its host and port.
    pub(crate) authority: HeaderValue,
    /// Whether it is spoken to over TLS.
    pub(crate) tls: bool,
    /// Its connections.
    pub(crate) pool: Pool,
    under_way: Cell<usize>,
    refusals: Cell<u32>,
    resting: Cell<Option<Instant>>,
}

impl Replica {
    fn new(address: &Address, upstream: &Upstream, connector: &Rc<Connector>) -> Self {
        let name = address.to_string();
        let authority = name.split_once("://").map_or(name.as_str(), |(_, authority)| authority);
        Self {
            authority: HeaderValue::from_str(authority).unwrap_or(HeaderValue::from_static("")),
            tls: address.tls,
            name,
            pool: Pool::new(address.clone(), upstream.http, Rc::clone(connector)),
            under_way: Cell::new(0),
            refusals: Cell::new(0),
            resting: Cell::new(None),
        }
    }

    fn rests_until(&self, now: Instant) -> Option<Instant> {
        self.resting.get().filter(|&until| until > now)
    }

    /// It accepted a connection.
    pub(crate) fn is_well(&self) {
        self.refusals.set(0);
        self.resting.set(None);
    }

    /// It refused a connection.
    pub(crate) fn refused(&self) {
        let refusals = self.refusals.get();
        self.refusals.set(refusals.saturating_add(1));
        let penalty = FIRST_PENALTY.saturating_mul(1 << refusals.min(8)).min(LONGEST_PENALTY);
        self.resting.set(Some(Instant::now() + penalty));
    }

    /// A request goes to it; the guard is dropped when its answer has ended.
    pub(crate) fn load(self: &Rc<Self>) -> Load {
        self.under_way.set(self.under_way.get() + 1);
        Load(Rc::clone(self))
    }
}

/// One request under way at a replica.
pub(crate) struct Load(Rc<Replica>);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
    }
}

/// Numbers for balancing and request ids: fast, and no secret.
pub(crate) struct Random(u64);

impl Random {
    /// Seeded by the hasher that the standard library seeds from the system.
    pub(crate) fn new() -> Self {
        use std::hash::{BuildHasher, Hasher};
        Self(std::collections::hash_map::RandomState::new().build_hasher().finish() | 1)
    }

    /// The next 64 bits (xorshift64*).
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from 0 to `limit` - 1; `limit` is at least 1.
    fn below(&mut self, limit: usize) -> usize {
        ((self.next() >> 33) as usize) % limit.max(1)
    }
}
