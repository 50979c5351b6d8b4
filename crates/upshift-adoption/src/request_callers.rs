//! The callers of one request: its sender, as each rule identifies it.

use std::cell::OnceCell;

use upshift_core::policy::{IdentityReader, Rule, identity};
use upshift_core::{Decision, Facts};

use crate::sketch::{CallerHash, CallerHasher};
use crate::{CountedCaller, Fingerprint, IdentityKey, Network};

/// The callers of one request. Rules usually share their readers, so each identity is read once,
/// and hashed only if something counts it.
pub struct RequestCallers<'a> {
    facts: &'a Facts<'a>,
    key: &'a IdentityKey,
    callers: Vec<Caller<'a>>,
    by_address: Caller<'a>,
}

/// The sender of a request by its identity, or by its address if it has none.
pub struct Caller<'a> {
    readers: &'a [IdentityReader],
    facts: &'a Facts<'a>,
    identity: OnceCell<Option<String>>,
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
        let mut callers: Vec<Caller<'a>> = Vec::new();
        for ruling in decision.matched() {
            let readers = &*ruling.rule.identity;
            if !callers.iter().any(|known| known.readers == readers) {
                callers.push(Caller::new(readers, facts));
            }
        }
        Self { facts, key, callers, by_address: Caller::new(&[], facts) }
    }

    /// The facts of the request.
    pub fn facts(&self) -> &'a Facts<'a> {
        self.facts
    }

    /// The caller as `rule` identifies it.
    pub fn of_rule(&self, rule: &Rule) -> &Caller<'a> {
        let found = self.callers.iter().find(|known| *known.readers == *rule.identity);
        found.unwrap_or(&self.by_address)
    }

    /// The caller by its address.
    pub fn by_address(&self) -> &Caller<'a> {
        &self.by_address
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

    /// The identity; `None` if the request has none.
    pub fn identity(&self) -> Option<&str> {
        self.identity.get_or_init(|| identity(self.readers, self.facts)).as_deref()
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
        *self.fingerprint.get_or_init(|| match (self.identity(), self.facts.client_ip) {
            (Some(identity), _) => Some(key.fingerprint(identity.as_bytes())),
            (None, Some(address)) => {
                Some(key.fingerprint(address.to_canonical().to_string().as_bytes()))
            }
            (None, None) => None,
        })
    }
}
