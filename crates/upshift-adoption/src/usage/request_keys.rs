//! The keys by which a core recognizes senders that it has already counted.
//!
//! A key is a hash of all inputs of the labels and callers, so that neither has to be computed for
//! a request of a known sender. Only keys are compared: among 65,536 senders, two have the same key
//! with a probability of 1 in 8 billion. Clients control the hashed data, so the hash depends on a
//! secret and on random numbers.

use std::hash::{BuildHasher as _, Hasher as _};
use std::net::IpAddr;

use foldhash::SharedSeed;
use foldhash::fast::{FoldHasher, SeedableRandomState};
use upshift_core::{Decision, Facts, Known, Ruling, TlsState};

use super::request_labels::observed_value;
use crate::request_callers::RequestCallers;
use crate::sketch::CallerHasher;

/// The hasher for keys.
pub(super) struct RequestKeys {
    state: SeedableRandomState,
}

impl RequestKeys {
    /// Keys that depend on the secret of `hasher`.
    pub(super) fn new(hasher: CallerHasher) -> Self {
        let seed = hasher.hash_caller("request keys").bits();
        Self { state: SeedableRandomState::with_seed(seed, SharedSeed::global_random()) }
    }

    /// The key of the labels and the callers of a request.
    pub(super) fn sender_key(&self, decision: &Decision<'_>, callers: &RequestCallers<'_>) -> u64 {
        let mut hasher = self.state.build_hasher();
        write_labels(&mut hasher, decision, callers);
        write_callers(&mut hasher, callers);
        hasher.finish()
    }

    /// The key of the labels of a request, and of the kinds of its callers.
    pub(super) fn labels_key(&self, decision: &Decision<'_>, callers: &RequestCallers<'_>) -> u64 {
        let mut hasher = self.state.build_hasher();
        write_labels(&mut hasher, decision, callers);
        hasher.finish()
    }
}

/// Hashes all inputs of a request's labels.
fn write_labels(
    hasher: &mut FoldHasher<'_>,
    decision: &Decision<'_>,
    callers: &RequestCallers<'_>,
) {
    let facts = callers.facts();
    let agent = facts.fields.nth("user-agent", 0);
    // The hasher separates numbers and texts, so the numbers identify the texts.
    let length = agent.map_or(0, |agent| agent.len() as u64 + 1);
    hasher.write_u64(length << 16 | http_code(facts) << 8 | tls_code(facts));
    if let Some(agent) = agent {
        hasher.write(agent);
    }
    for (ruling, caller) in decision.matched().zip(callers.places()) {
        // A reload may change which identity a rule reads.
        write_ruling(hasher, ruling, *caller as u8);
    }
}

fn write_ruling(hasher: &mut FoldHasher<'_>, ruling: &Ruling<'_>, caller: u8) {
    let observed = observed_value(ruling);
    let length = observed.map_or(0, |value| value.len() as u64 + 1);
    let cause = ruling.cause.map_or(u8::MAX, |cause| cause as u8);
    let (phase, verdict) = (ruling.phase() as u8, ruling.verdict as u8);
    let decided = [phase, verdict, ruling.reason as u8, cause, caller, 0, 0, 0];
    let decided = length << 40 | u64::from_le_bytes(decided);
    // At once, which takes half the instructions of two numbers of 64 bits.
    hasher.write_u128(u128::from(decided) << 64 | u128::from(ruling.rule.id_hash()));
    if let Some(value) = observed {
        hasher.write(value.as_bytes());
    }
    if let Some(exemption) = &ruling.exempted {
        hasher.write(exemption.id().as_bytes());
    }
}

/// Hashes everything that identifies the callers of a request.
fn write_callers(hasher: &mut FoldHasher<'_>, callers: &RequestCallers<'_>) {
    match callers.facts().client_ip.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => hasher.write_u64(1 << 32 | u64::from(u32::from(address))),
        Some(IpAddr::V6(address)) => hasher.write_u128(u128::from(address)),
        None => hasher.write_u64(0),
    }
    for caller in callers.identified() {
        match caller.identity() {
            Some(identity) => {
                hasher.write_u64(identity.len() as u64 + 1);
                hasher.write(identity.as_bytes());
            }
            None => hasher.write_u64(0),
        }
    }
}

fn http_code(facts: &Facts<'_>) -> u64 {
    match facts.http {
        Known::Is(version) => version as u64,
        Known::Unknown => u64::from(u8::MAX),
    }
}

fn tls_code(facts: &Facts<'_>) -> u64 {
    match facts.tls {
        Known::Is(TlsState::Version(version)) => version as u64,
        Known::Is(TlsState::Cleartext) => 0xfd,
        Known::Is(TlsState::SomeVersion) => 0xfe,
        Known::Unknown => 0xff,
    }
}
