//! The distinct callers within a sliding window, with a cap for each network.
//!
//! A client can invent identities for free, but not addresses. The identities of one network (/24
//! of IPv4, /48 of IPv6) are therefore counted up to a cap, and each network is counted on its own.
//! A flood of invented callers, refused or compliant, changes the counts by at most the caps of the
//! networks that it comes from.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use foldhash::fast::RandomState;
use rustc_hash::FxBuildHasher;

use crate::Fingerprint;

/// The most networks that are counted individually; others share [`SHARED_NETWORKS`] places.
const MAX_NETWORKS: usize = 16 * 1024;
const SHARED_NETWORKS: u64 = 4 * 1024;

/// The network of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// A /24 of IPv4.
    V4([u8; 3]),
    /// A /48 of IPv6.
    V6([u8; 6]),
    /// Several networks that are counted together, because there are too many.
    Shared(u16),
    /// The address is not known.
    Unknown,
}

impl Network {
    /// The network of an address. An IPv4-mapped IPv6 address counts as IPv4.
    pub fn of_address(address: Option<IpAddr>) -> Self {
        // A dual-stack socket reports IPv4 clients as ::ffff:a.b.c.d, all of which are one /48.
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(v4)) => {
                let [a, b, c, _] = v4.octets();
                Self::V4([a, b, c])
            }
            Some(IpAddr::V6(v6)) => {
                let [a, b, c, d, e, f, ..] = v6.octets();
                Self::V6([a, b, c, d, e, f])
            }
            None => Self::Unknown,
        }
    }
}

impl Network {
    /// Reads a network as it is displayed. One that is shared has no address, and becomes unknown.
    pub(crate) fn parse(text: &str) -> Self {
        let address = text.split('/').next().unwrap_or_default();
        Self::of_address(address.parse().ok())
    }
}

/// The network in CIDR notation.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4([a, b, c]) => write!(f, "{a}.{b}.{c}.0/24"),
            Self::V6(octets) => {
                let mut address = [0; 16];
                address[..6].copy_from_slice(octets);
                write!(f, "{}/48", std::net::Ipv6Addr::from(address))
            }
            Self::Shared(_) => f.write_str("several networks"),
            Self::Unknown => f.write_str("an unknown network"),
        }
    }
}

/// One caller, as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct CountedCaller {
    /// The hash of its identity.
    pub identity: Fingerprint,
    /// Its network.
    pub network: Network,
}

/// The times at which a caller was last seen and last refused, in seconds since 1970; 0: never.
#[derive(Clone, Copy, Debug)]
struct LastTimes {
    seen: u32,
    refused: u32,
}

impl LastTimes {
    /// Returns true if the caller was refused in the window that began at `since`.
    fn was_refused_since(self, since: u32) -> bool {
        // 0 stands for never, but a window may begin at 0.
        self.refused > 0 && self.refused >= since
    }
}

/// The callers of one network. Their keys are keyed hashes, which clients cannot choose.
type NetworkCallers = HashMap<Fingerprint, LastTimes, FxBuildHasher>;

/// The callers of one rule in a sliding window.
#[derive(Clone, Default)]
pub struct CallerWindow {
    per_network: usize,
    // Clients choose some of their networks, so the hasher has a random seed.
    networks: HashMap<Network, NetworkCallers, RandomState>,
}

/// The counts of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowTotals {
    /// The distinct callers that were seen.
    pub seen: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// The network that most of the refused come from, and the numbers of its callers that were
    /// seen and refused.
    pub top: Option<(Network, u64, u64)>,
    /// A network has reached its cap, and may have more callers than were counted.
    pub capped: bool,
    /// The counts of all networks.
    pub counted: NetworkView,
    /// The counts without the networks at their cap that most of the admitted come from: one of
    /// IPv4 and one of IPv6, because one host may have both.
    pub undiluted: NetworkView,
}

/// The counts with and without the networks that most of the refused come from: one of IPv4 and one
/// of IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkView {
    /// The counts with them.
    pub all: CallerCount,
    /// The counts without them.
    pub without_top: CallerCount,
}

/// The number of callers in a window, without those of some networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallerCount {
    /// The distinct callers that were seen.
    pub seen: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// The number of networks that are left out.
    pub left_out: u64,
}

/// The callers of one network in a window.
#[derive(Clone, Copy)]
struct NetworkTotals {
    network: Network,
    seen: u64,
    refused: u64,
    capped: bool,
}

impl WindowTotals {
    /// The share of the refused that come from the top network, 0 to 1.
    pub fn concentration(&self) -> f64 {
        match self.top {
            Some((_, _, refused)) if self.refused > 0 => refused as f64 / self.refused as f64,
            _ => 0.0,
        }
    }

    fn sum_up(networks: &[NetworkTotals]) -> Self {
        let top = largest_by(networks, |network| network.refused);
        let mut at_cap = networks.to_vec();
        at_cap.retain(|network| network.capped);
        // Invented compliant callers come from few networks, which reach their caps.
        let diluting = largest_of_families(&at_cap, |network| network.seen - network.refused);
        let counted = NetworkView::leaving_out(networks, &[]);
        Self {
            seen: counted.all.seen,
            refused: counted.all.refused,
            top: top.map(|top| (top.network, top.seen, top.refused)),
            capped: !at_cap.is_empty(),
            counted,
            undiluted: NetworkView::leaving_out(networks, &diluting),
        }
    }
}

impl NetworkView {
    fn leaving_out(networks: &[NetworkTotals], left_out: &[Network]) -> Self {
        let mut rest = networks.to_vec();
        rest.retain(|network| !left_out.contains(&network.network));
        let mut top = largest_of_families(&rest, |network| network.refused);
        top.extend(left_out);
        Self {
            all: CallerCount::leaving_out(networks, left_out),
            without_top: CallerCount::leaving_out(networks, &top),
        }
    }
}

impl CallerCount {
    fn leaving_out(networks: &[NetworkTotals], left_out: &[Network]) -> Self {
        let mut part = Self { left_out: left_out.len() as u64, ..Self::default() };
        for network in networks {
            if !left_out.contains(&network.network) {
                part.seen += network.seen;
                part.refused += network.refused;
            }
        }
        part
    }
}

/// The networks of IPv4 and of IPv6 with the largest `count`.
fn largest_of_families(
    networks: &[NetworkTotals],
    count: impl Fn(&NetworkTotals) -> u64,
) -> Vec<Network> {
    let (ipv6, others): (Vec<_>, Vec<_>) =
        networks.iter().copied().partition(|totals| matches!(totals.network, Network::V6(_)));
    let mut found = Vec::new();
    for family in [ipv6, others] {
        found.extend(largest_by(&family, &count).map(|totals| totals.network));
    }
    found
}

/// The network with the largest `count`, if any has more than 0. Among equals it is the same one
/// each time.
fn largest_by(
    networks: &[NetworkTotals],
    count: impl Fn(&NetworkTotals) -> u64,
) -> Option<NetworkTotals> {
    // Ties are broken by the network, because the order of a hash map differs from run to run.
    let by_count = |network: &&NetworkTotals| (count(network), Reverse(network.network));
    let largest = networks.iter().max_by_key(by_count)?;
    if count(largest) > 0 { Some(*largest) } else { None }
}

impl CallerWindow {
    /// An empty window that counts at most `per_network` callers of each network.
    pub fn new(per_network: u32) -> Self {
        Self { per_network: per_network.max(1) as usize, networks: HashMap::default() }
    }

    /// Counts a caller at `second`. Callers last seen before `since` make room for it.
    pub fn record_caller(&mut self, second: u32, since: u32, caller: CountedCaller, refused: bool) {
        let network = self.place_of(caller.network);
        let known = self.networks.entry(network).or_default();
        if !known.contains_key(&caller.identity) && known.len() >= self.per_network {
            // Only at the cap, so that no scan is needed below it.
            known.retain(|_, last| last.seen >= since);
            if known.len() >= self.per_network {
                return;
            }
        }
        let last = known.entry(caller.identity).or_insert(LastTimes { seen: 0, refused: 0 });
        // `max`, so that an earlier time cannot remove a caller from the window.
        last.seen = last.seen.max(second);
        if refused {
            last.refused = last.refused.max(second);
        }
    }

    /// Counts at `second` the callers of `other` for which `counts` returns true.
    pub fn merge_callers(
        &mut self,
        second: u32,
        since: u32,
        other: &Self,
        counts: impl Fn(Fingerprint) -> bool,
    ) {
        for (network, callers) in &other.networks {
            for (identity, last) in callers {
                if counts(*identity) {
                    let caller = CountedCaller { identity: *identity, network: *network };
                    // The times in a tally are not used: it is dated at the second of its merge.
                    self.record_caller(second, since, caller, last.refused > 0);
                }
            }
        }
    }

    /// The counts of the window that began at `since`.
    pub fn totals(&self, since: u32) -> WindowTotals {
        let mut networks = Vec::with_capacity(self.networks.len());
        for (network, callers) in &self.networks {
            let (mut seen, mut refused) = (0, 0);
            for last in callers.values() {
                seen += u64::from(last.seen >= since);
                refused += u64::from(last.was_refused_since(since));
            }
            // Only callers in the window: others are remembered until the next sweep.
            let capped = seen as usize >= self.per_network;
            networks.push(NetworkTotals { network: *network, seen, refused, capped });
        }
        WindowTotals::sum_up(&networks)
    }

    /// Up to `limit` of the callers refused in the window that began at `since`. They are sorted,
    /// so that the same ones are named each time.
    pub fn refused_identities(&self, since: u32, limit: usize) -> Vec<Fingerprint> {
        let mut identities = Vec::new();
        for (identity, last) in self.networks.values().flatten() {
            if last.was_refused_since(since) {
                identities.push(*identity);
            }
        }
        // Sorted before `truncate`, which would otherwise keep a random part.
        identities.sort_unstable();
        identities.truncate(limit);
        identities
    }

    /// Returns true if a caller was refused.
    pub fn has_refused(&self) -> bool {
        self.networks.values().flatten().any(|(_, last)| last.refused > 0)
    }

    /// Forgets the callers last seen before `since`.
    pub fn forget_before(&mut self, since: u32) {
        for callers in self.networks.values_mut() {
            callers.retain(|_, last| last.seen >= since);
        }
        // Empty networks would use up the places of MAX_NETWORKS.
        self.networks.retain(|_, callers| !callers.is_empty());
    }

    /// Returns true if no caller is counted.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    fn place_of(&self, network: Network) -> Network {
        if self.networks.len() < MAX_NETWORKS || self.networks.contains_key(&network) {
            return network;
        }
        // Not randomly seeded: a network has the same place on every core, and after each sweep.
        let mut hasher = DefaultHasher::new();
        network.hash(&mut hasher);
        Network::Shared((hasher.finish() % SHARED_NETWORKS) as u16)
    }
}

/// The most accepted identities of one network that are remembered.
const ACCEPTED_PER_NETWORK: usize = 1_000;
/// The most identities in each of two generations.
const ACCEPTED: usize = 128 * 1024;

/// The identities that an upstream has answered with 2xx, at least the latest 131,072.
#[derive(Clone, Default)]
pub struct Accepted {
    current: HashSet<Fingerprint>,
    /// The identities of each network, the oldest first.
    by_network: HashMap<Network, VecDeque<Fingerprint>>,
    previous: HashSet<Fingerprint>,
}

impl Accepted {
    /// Remembers a caller.
    pub fn insert(&mut self, caller: CountedCaller) {
        if self.current.contains(&caller.identity) {
            return;
        }
        // Two generations: the oldest are forgotten together, so no identity needs a time.
        if self.current.len() >= ACCEPTED {
            self.previous = std::mem::take(&mut self.current);
            // It lists identities of `current` only, which is empty now.
            self.by_network.clear();
        }
        // A cap for each network: otherwise one client could evict the identities of all others.
        let of_network = self.by_network.entry(caller.network).or_default();
        // Identities such as session cookies change, so that the oldest is the least useful.
        if of_network.len() >= ACCEPTED_PER_NETWORK
            && let Some(oldest) = of_network.pop_front()
        {
            self.current.remove(&oldest);
        }
        of_network.push_back(caller.identity);
        self.current.insert(caller.identity);
    }

    /// Returns true if the identity has been accepted and not evicted since.
    pub fn contains(&self, identity: Fingerprint) -> bool {
        self.current.contains(&identity) || self.previous.contains(&identity)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;
    use crate::IdentityKey;

    fn caller(n: u64, address: &str) -> CountedCaller {
        let identity = IdentityKey::new([3; 32]).fingerprint(&n.to_be_bytes());
        CountedCaller { identity, network: Network::of_address(Some(address.parse().unwrap())) }
    }

    #[test]
    fn networks_are_told_apart_and_written_as_people_write_them() {
        let shown = |address: &str| caller(0, address).network.to_string();
        assert_eq!(shown("203.0.113.9"), "203.0.113.0/24");
        assert_eq!(shown("::ffff:203.0.113.9"), "203.0.113.0/24");
        assert_eq!(shown("2001:db8:1:2::3"), "2001:db8:1::/48");
    }

    #[test]
    fn one_network_counts_up_to_its_cap() {
        let mut callers = CallerWindow::new(50);
        for n in 0..1_000 {
            callers.record_caller(100, 41, caller(n, "203.0.113.9"), true);
        }
        for n in 0..10_u8 {
            callers.record_caller(
                100,
                41,
                caller(5_000 + u64::from(n), &format!("198.51.{n}.1")),
                n == 0,
            );
        }
        let totals = callers.totals(41);
        assert_eq!((totals.seen, totals.refused, totals.capped), (60, 51, true));
        assert_eq!(totals.counted.without_top, CallerCount { seen: 10, refused: 1, left_out: 1 });
        assert!(totals.concentration() > 0.98);
        assert_eq!(callers.refused_identities(41, 10).len(), 10);
    }

    #[test]
    fn a_caller_counts_once_and_leaves_with_the_window() {
        let mut callers = CallerWindow::new(1);
        callers.record_caller(100, 41, caller(1, "203.0.113.9"), true);
        callers.record_caller(130, 71, caller(1, "203.0.113.9"), false);
        assert_eq!((callers.totals(71).seen, callers.totals(71).refused), (1, 1));
        assert_eq!((callers.totals(101).seen, callers.totals(101).refused), (1, 0));
        callers.record_caller(200, 141, caller(2, "203.0.113.8"), true);
        assert_eq!(
            callers.refused_identities(141, 9),
            [caller(2, "203.0.113.8").identity],
            "the first has made room"
        );
        callers.forget_before(300);
        assert!(callers.is_empty());
    }

    #[test]
    fn further_networks_share_places() {
        let mut callers = CallerWindow::new(2);
        for n in 0..20_000_u32 {
            let address = std::net::Ipv4Addr::from(n << 8).to_string();
            callers.record_caller(1, 0, caller(n.into(), &address), false);
        }
        assert!(callers.networks.len() <= MAX_NETWORKS + SHARED_NETWORKS as usize);
        assert!(callers.totals(0).seen > 19_000);
    }

    #[test]
    fn accepted_identities_are_remembered_up_to_a_cap_for_each_network() {
        let mut accepted = Accepted::default();
        for n in 0..2_000 {
            accepted.insert(caller(n, "203.0.113.9"));
        }
        accepted.insert(caller(9_999, "198.51.100.1"));
        assert!(accepted.contains(caller(1_000, "203.0.113.9").identity));
        assert!(
            !accepted.contains(caller(999, "203.0.113.9").identity),
            "the oldest has made room"
        );
        assert!(accepted.contains(caller(9_999, "198.51.100.1").identity));
    }
}
