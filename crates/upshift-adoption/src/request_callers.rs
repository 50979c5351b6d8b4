//! The callers of one request: its sender as identified by each rule.

use std::borrow::Cow;
use std::cell::OnceCell;

use upshift_core::inline_vec::InlineVec;
use upshift_core::policy::{IdentityReader, Rule, identity};
use upshift_core::{Decision, Facts};

use crate::recent_fingerprints::{find_recent, keep_recent};
use crate::sketch::{CallerHash, CallerHasher};
use crate::{CountedCaller, Fingerprint, IdentityKey, Network};

/// The number of callers that need no allocation: rules usually share their readers.
const FEW_CALLERS: usize = 2;

/// The number of rules that match most requests at most.
const USUAL_RULES: usize = 4;

/// The callers of one request. Rules usually share their readers, so each identity is read once,
/// and hashed only if something counts it.
pub struct RequestCallers<'a> {
    facts: &'a Facts<'a>,
    key: &'a IdentityKey,
    by_address: Caller<'a>,
    first: [Option<Caller<'a>>; FEW_CALLERS],
    others: Vec<Caller<'a>>,
    /// For each rule that matched, the place of its caller; 0 is the address.
    places: InlineVec<u32, USUAL_RULES>,
}

/// The sender of a request by its identity, or by its address if it has none.
pub struct Caller<'a> {
    readers: &'a [IdentityReader],
    facts: &'a Facts<'a>,
    identity: OnceCell<Option<Cow<'a, str>>>,
    hash: OnceCell<Option<CallerHash>>,
    fingerprint: OnceCell<Option<Fingerprint>>,
}

impl<'a> RequestCallers<'a> {
    /// The callers, for the rules that matched. `key` makes their fingerprints.
    pub fn of_decision(
        decision: &'a Decision<'_>,
        facts: &'a Facts<'a>,
        key: &'a IdentityKey,
    ) -> Self {
        let by_address = Caller::new(&[], facts);
        let mut callers = Self {
            facts,
            key,
            by_address,
            first: [None, None],
            others: Vec::new(),
            places: InlineVec::new(),
        };
        for ruling in decision.matched() {
            let place = callers.add_readers(&ruling.rule.identity);
            callers.places.push(place);
        }
        callers
    }

    /// The facts of the request.
    pub fn facts(&self) -> &'a Facts<'a> {
        self.facts
    }

    /// The caller as `rule` identifies it.
    pub fn of_rule(&self, rule: &Rule) -> &Caller<'a> {
        let mut identified = self.identified();
        identified.find(|known| known.reads(&rule.identity)).unwrap_or(&self.by_address)
    }

    /// For each rule that matched, in order, the index of its caller among [`Self::identified`] plus
    /// 1; 0 if it is the address.
    pub(crate) fn places(&self) -> &[u32] {
        self.places.as_slice()
    }

    /// The caller by its address.
    pub fn by_address(&self) -> &Caller<'a> {
        &self.by_address
    }

    /// The callers by the identities that rules read, each once. A request may lack them.
    pub(crate) fn identified(&self) -> impl Iterator<Item = &Caller<'a>> {
        self.first.iter().flatten().chain(&self.others)
    }

    /// The fingerprint of the caller as `rule` identifies it; `None` if it has neither an identity
    /// nor an address.
    pub fn fingerprint(&self, rule: &Rule) -> Option<Fingerprint> {
        self.of_rule(rule).fingerprint(self.key)
    }

    /// The caller as the breaker of `rule` counts it.
    pub fn counted_caller(&self, rule: &Rule) -> Option<CountedCaller> {
        let network = Network::of_address(self.facts.client_ip);
        Some(CountedCaller { identity: self.fingerprint(rule)?, network })
    }

    /// Adds a caller, unless it is there. Returns its place.
    fn add_readers(&mut self, readers: &'a [IdentityReader]) -> u32 {
        if readers.is_empty() {
            return 0;
        }
        let mut place = 1;
        for known in self.identified() {
            if known.reads(readers) {
                return place;
            }
            place += 1;
        }
        let caller = Caller::new(readers, self.facts);
        match self.first.iter_mut().find(|free| free.is_none()) {
            Some(free) => *free = Some(caller),
            None => self.others.push(caller),
        }
        place
    }
}

impl<'a> Caller<'a> {
    fn new(readers: &'a [IdentityReader], facts: &'a Facts<'a>) -> Self {
        Self {
            readers,
            facts,
            identity: OnceCell::new(),
            hash: OnceCell::new(),
            fingerprint: OnceCell::new(),
        }
    }

    /// Returns true if the identity is read by these readers.
    fn reads(&self, readers: &[IdentityReader]) -> bool {
        // Nearly always these are the same readers in memory, and then no text is compared.
        std::ptr::eq(self.readers, readers) || self.readers == readers
    }

    /// The identity; `None` if the request has none.
    pub fn identity(&self) -> Option<&str> {
        let identity = self.identity.get_or_init(|| identity(self.readers, self.facts));
        identity.as_deref()
    }

    /// The hash for sketches; `None` if the request has neither an identity nor an address.
    pub fn hash(&self, hasher: CallerHasher) -> Option<CallerHash> {
        *self.hash.get_or_init(|| match (self.identity(), self.facts.client_ip) {
            (Some(identity), _) => Some(hasher.hash_caller(identity)),
            // An IPv4-mapped address is the same client as the IPv4 address.
            (None, Some(address)) => Some(hasher.hash_caller(address.to_canonical())),
            (None, None) => None,
        })
    }

    fn fingerprint(&self, key: &IdentityKey) -> Option<Fingerprint> {
        *self.fingerprint.get_or_init(|| {
            let hash = self.hash(key.caller_hasher())?;
            if let Some(known) = find_recent(hash) {
                return Some(known);
            }
            let made = self.make_fingerprint(key)?;
            keep_recent(hash, made);
            Some(made)
        })
    }

    fn make_fingerprint(&self, key: &IdentityKey) -> Option<Fingerprint> {
        match (self.identity(), self.facts.client_ip) {
            (Some(identity), _) => Some(key.fingerprint(identity.as_bytes())),
            (None, Some(address)) => {
                Some(key.fingerprint(address.to_canonical().to_string().as_bytes()))
            }
            (None, None) => None,
        }
    }
}
