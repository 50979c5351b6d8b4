//! Different callers within a window that slides, with a cap for each network.
//!
//! An identity costs its sender nothing, an address does. So the identities of one network (/24 of
//! IPv4, /48 of IPv6) count up to a cap, and what is counted of every network is known: neither a
//! flood of made-up callers that are refused nor one of callers that comply moves the numbers by
//! more than the caps of the networks it comes from.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use crate::Fingerprint;

/// The most networks that are counted one by one; further ones share [`SHARED_NETWORKS`] places.
const NETWORKS: usize = 16 * 1024;
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
    /// The network of an address; IPv4 may come mapped into IPv6.
    pub fn of(address: Option<IpAddr>) -> Self {
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

/// In CIDR notation.
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
pub struct Caller {
    /// The hash of its identity.
    pub identity: Fingerprint,
    /// Its network.
    pub network: Network,
}

/// When a caller was last seen, and last refused, in seconds since 1970; 0: never.
#[derive(Clone, Copy, Debug)]
struct LastTimes {
    seen: u32,
    refused: u32,
}

/// The callers of one rule.
#[derive(Clone, Default)]
pub struct Callers {
    per_network: usize,
    networks: HashMap<Network, HashMap<Fingerprint, LastTimes>>,
}

/// The numbers of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Different callers that were seen.
    pub seen: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// The network that most of the refused come from, and how many of its callers were seen and
    /// refused.
    pub top: Option<(Network, u64, u64)>,
    /// Some network has as many callers as are counted of one, and may have more.
    pub capped: bool,
    /// As counted.
    pub counted: View,
    /// Without the networks at their cap that most of the admitted come from: of IPv4 and of IPv6
    /// one each, for one host may have both.
    pub undiluted: View,
}

/// Callers with and without the networks that most of the refused come from: of IPv4 and of IPv6
/// one each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// All of them.
    pub all: Part,
    /// Without these networks.
    pub without_top: Part,
}

/// The callers of a window, without those of some networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Different callers that were seen.
    pub seen: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// The networks that are left out.
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

impl Totals {
    /// The share of the refused that come from the top network, 0 to 1.
    pub fn concentration(&self) -> f64 {
        let top = self.top.map_or(0, |(_, _, refused)| refused);
        if self.refused == 0 { 0.0 } else { top as f64 / self.refused as f64 }
    }

    fn of(networks: &[NetworkTotals]) -> Self {
        let top = largest(networks, |network| network.refused);
        let mut at_cap = networks.to_vec();
        at_cap.retain(|network| network.capped);
        let diluting = largest_of_families(&at_cap, |network| network.seen - network.refused);
        let counted = View::without(networks, &[]);
        Self {
            seen: counted.all.seen,
            refused: counted.all.refused,
            top: top.map(|top| (top.network, top.seen, top.refused)),
            capped: !at_cap.is_empty(),
            counted,
            undiluted: View::without(networks, &diluting),
        }
    }
}

impl View {
    fn without(networks: &[NetworkTotals], left_out: &[Network]) -> Self {
        let mut rest = networks.to_vec();
        rest.retain(|network| !left_out.contains(&network.network));
        let mut top = largest_of_families(&rest, |network| network.refused);
        top.extend(left_out);
        Self { all: Part::without(networks, left_out), without_top: Part::without(networks, &top) }
    }
}

impl Part {
    fn without(networks: &[NetworkTotals], left_out: &[Network]) -> Self {
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

/// The networks of IPv4 and of IPv6 of which `count` is largest.
fn largest_of_families(
    networks: &[NetworkTotals],
    count: impl Fn(&NetworkTotals) -> u64,
) -> Vec<Network> {
    let families: (Vec<_>, Vec<_>) =
        networks.iter().copied().partition(|totals| matches!(totals.network, Network::V6(_)));
    let mut found = Vec::new();
    for family in [families.0, families.1] {
        found.extend(largest(&family, &count).map(|totals| totals.network));
    }
    found
}

/// The network of which `count` is largest, if it is not 0 for all; among equals the same one each
/// time.
fn largest(
    networks: &[NetworkTotals],
    count: impl Fn(&NetworkTotals) -> u64,
) -> Option<NetworkTotals> {
    let counted = networks.iter().filter(|network| count(network) > 0);
    counted.max_by_key(|network| (count(network), std::cmp::Reverse(network.network))).copied()
}

impl Callers {
    /// No callers; of each network at most `per_network` are counted.
    pub fn new(per_network: u32) -> Self {
        Self { per_network: per_network.max(1) as usize, networks: HashMap::new() }
    }

    /// Counts a caller at `second`. Those last seen before `since` make room for it.
    pub fn record(&mut self, second: u32, since: u32, caller: Caller, refused: bool) {
        let network = self.place_of(caller.network);
        let known = self.networks.entry(network).or_default();
        if !known.contains_key(&caller.identity) && known.len() >= self.per_network {
            known.retain(|_, last| last.seen >= since);
            if known.len() >= self.per_network {
                return;
            }
        }
        let last = known.entry(caller.identity).or_insert(LastTimes { seen: 0, refused: 0 });
        last.seen = last.seen.max(second);
        if refused {
            last.refused = last.refused.max(second);
        }
    }

    /// Counts at `second` all that `other` has.
    pub fn merge(
        &mut self,
        second: u32,
        since: u32,
        other: &Self,
        counts: impl Fn(Fingerprint) -> bool,
    ) {
        for (network, callers) in &other.networks {
            for (identity, last) in callers {
                if counts(*identity) {
                    let caller = Caller { identity: *identity, network: *network };
                    self.record(second, since, caller, last.refused > 0);
                }
            }
        }
    }

    /// The numbers of the window that began at `since`.
    pub fn totals(&self, since: u32) -> Totals {
        let mut networks = Vec::with_capacity(self.networks.len());
        for (network, callers) in &self.networks {
            let seen = callers.values().filter(|last| last.seen >= since).count() as u64;
            let refused =
                callers.values().filter(|last| last.refused >= since && last.refused > 0).count()
                    as u64;
            let capped = seen as usize >= self.per_network;
            networks.push(NetworkTotals { network: *network, seen, refused, capped });
        }
        Totals::of(&networks)
    }

    /// Up to `limit` of the callers refused in the window that began at `since`, in order, so that
    /// the same ones are named each time.
    pub fn refused(&self, since: u32, limit: usize) -> Vec<Fingerprint> {
        let callers = self.networks.values().flatten();
        let refused = callers.filter(|(_, last)| last.refused >= since && last.refused > 0);
        let mut identities: Vec<_> = refused.map(|(identity, _)| *identity).collect();
        identities.sort_unstable();
        identities.truncate(limit);
        identities
    }

    /// Returns true if one of them was refused.
    pub fn has_refused(&self) -> bool {
        self.networks.values().flatten().any(|(_, last)| last.refused > 0)
    }

    /// Forgets those last seen before `since`.
    pub fn sweep(&mut self, since: u32) {
        for callers in self.networks.values_mut() {
            callers.retain(|_, last| last.seen >= since);
        }
        self.networks.retain(|_, callers| !callers.is_empty());
    }

    /// Returns true if no caller has been recorded.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    fn place_of(&self, network: Network) -> Network {
        if self.networks.len() < NETWORKS || self.networks.contains_key(&network) {
            return network;
        }
        let mut hasher = DefaultHasher::new();
        network.hash(&mut hasher);
        Network::Shared((hasher.finish() % SHARED_NETWORKS) as u16)
    }
}

/// The most accepted identities of one network that are kept.
const ACCEPTED_PER_NETWORK: usize = 1_000;
/// The most that are kept in each of two generations.
const ACCEPTED: usize = 128 * 1024;

/// The identities that an upstream has answered with 2xx, the latest 131,072 at least.
#[derive(Clone, Default)]
pub struct Accepted {
    current: HashSet<Fingerprint>,
    /// Those of each network, the oldest first.
    by_network: HashMap<Network, VecDeque<Fingerprint>>,
    previous: HashSet<Fingerprint>,
}

impl Accepted {
    /// Adds one.
    pub fn insert(&mut self, caller: Caller) {
        if self.current.contains(&caller.identity) {
            return;
        }
        if self.current.len() >= ACCEPTED {
            self.previous = std::mem::take(&mut self.current);
            self.by_network.clear();
        }
        let of_network = self.by_network.entry(caller.network).or_default();
        // Sessions change: a network at its cap forgets its oldest.
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
    use crate::Key;

    fn caller(n: u64, address: &str) -> Caller {
        let identity = Key::new([3; 32]).fingerprint(&n.to_be_bytes());
        Caller { identity, network: Network::of(Some(address.parse().unwrap())) }
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
        let mut callers = Callers::new(50);
        for n in 0..1_000 {
            callers.record(100, 41, caller(n, "203.0.113.9"), true);
        }
        for n in 0..10_u8 {
            callers.record(100, 41, caller(5_000 + u64::from(n), &format!("198.51.{n}.1")), n == 0);
        }
        let totals = callers.totals(41);
        assert_eq!((totals.seen, totals.refused, totals.capped), (60, 51, true));
        assert_eq!(totals.counted.without_top, Part { seen: 10, refused: 1, left_out: 1 });
        assert!(totals.concentration() > 0.98);
        assert_eq!(callers.refused(41, 10).len(), 10);
    }

    #[test]
    fn a_caller_counts_once_and_leaves_with_the_window() {
        let mut callers = Callers::new(1);
        callers.record(100, 41, caller(1, "203.0.113.9"), true);
        callers.record(130, 71, caller(1, "203.0.113.9"), false);
        assert_eq!((callers.totals(71).seen, callers.totals(71).refused), (1, 1));
        assert_eq!((callers.totals(101).seen, callers.totals(101).refused), (1, 0));
        callers.record(200, 141, caller(2, "203.0.113.8"), true);
        assert_eq!(
            callers.refused(141, 9),
            [caller(2, "203.0.113.8").identity],
            "the first has made room"
        );
        callers.sweep(300);
        assert!(callers.is_empty());
    }

    #[test]
    fn further_networks_share_places() {
        let mut callers = Callers::new(2);
        for n in 0..20_000_u32 {
            let address = std::net::Ipv4Addr::from(n << 8).to_string();
            callers.record(1, 0, caller(n.into(), &address), false);
        }
        assert!(callers.networks.len() <= NETWORKS + SHARED_NETWORKS as usize);
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
