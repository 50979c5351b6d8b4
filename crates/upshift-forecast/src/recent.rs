//! The decisions on the requests that were seen last, in front of the memo. They are found without
//! building a key: the facts are compared in place.

use crate::line::{FieldIndex, FieldSet, LogLine, Text};
use crate::outcome::OutcomeId;

/// The places, of which each holds one decision.
const PLACES: usize = 4096;

/// The facts beside the texts, in one word.
pub(crate) type FactBits = [u64; 3];

/// The last decisions.
#[derive(Debug)]
pub(crate) struct RecentDecisions(Vec<Option<RecentDecision>>);

/// The texts and other facts of a request that decisions depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecentKey<'k, 'l> {
    pub(crate) bits: FactBits,
    pub(crate) line: &'k LogLine<'l>,
    /// The part of the target that decisions depend on.
    pub(crate) target: &'k [u8],
    /// The host, if decisions depend on it.
    pub(crate) host: Option<&'k [u8]>,
    /// The fields that decisions depend on.
    pub(crate) fields: FieldSet,
}

#[derive(Debug)]
struct RecentDecision {
    bits: FactBits,
    method: Box<[u8]>,
    target: Box<[u8]>,
    host: Option<Box<[u8]>>,
    fields: Vec<(FieldIndex, Box<[u8]>)>,
    outcome: OutcomeId,
}

impl Default for RecentDecisions {
    fn default() -> Self {
        let mut places = Vec::new();
        places.resize_with(PLACES, || None);
        Self(places)
    }
}

impl RecentDecisions {
    /// The decision on an equal request.
    pub(crate) fn find(&self, key: &RecentKey<'_, '_>) -> Option<OutcomeId> {
        let recent = self.0[key.place()].as_ref()?;
        if recent.is_of(key) { Some(recent.outcome) } else { None }
    }

    /// Keeps the decision on a request, in place of an earlier one.
    pub(crate) fn keep(&mut self, key: &RecentKey<'_, '_>, outcome: OutcomeId) {
        let mut fields = Vec::new();
        for (field, value) in key.fields() {
            fields.push((*field, Box::from(&**value)));
        }
        self.0[key.place()] = Some(RecentDecision {
            bits: key.bits,
            method: Box::from(&*key.line.method),
            target: Box::from(key.target),
            host: key.host.map(Box::from),
            fields,
            outcome,
        });
    }
}

impl RecentDecision {
    fn is_of(&self, key: &RecentKey<'_, '_>) -> bool {
        if self.bits != key.bits
            || *self.target != *key.target
            || *self.method != *key.line.method
            || self.host.as_deref() != key.host
        {
            return false;
        }
        let mut own = self.fields.iter();
        for (field, value) in key.fields() {
            match own.next() {
                Some((known, text)) if known == field && **text == **value => {}
                _ => return false,
            }
        }
        own.next().is_none()
    }
}

impl<'k, 'l> RecentKey<'k, 'l> {
    fn fields(&self) -> impl Iterator<Item = &'k (FieldIndex, Text<'l>)> + use<'k, 'l> {
        let wanted = self.fields;
        self.line.fields.iter().filter(move |(field, _)| wanted.contains(*field))
    }

    /// A place that follows from a few bytes of each text. Requests of one place take turns, which
    /// costs a look into the memo.
    fn place(&self) -> usize {
        let mut hash = mixed(self.bits[0] ^ self.bits[1] ^ self.bits[2], self.target);
        for (_, value) in self.fields() {
            hash = mixed(hash, value);
        }
        (hash >> 32) as usize % PLACES
    }
}

/// Mixes the length and the first, middle and last bytes of a text into a hash.
fn mixed(hash: u64, text: &[u8]) -> u64 {
    let length = text.len();
    let sample = match text.first_chunk::<8>().zip(text.last_chunk::<8>()) {
        Some((first, last)) => {
            let middle = text.get(length / 2..length / 2 + 8).and_then(<[u8]>::first_chunk);
            let middle = middle.map_or(0, |middle| u64::from_le_bytes(*middle));
            u64::from_le_bytes(*first)
                ^ middle.rotate_left(21)
                ^ u64::from_le_bytes(*last).rotate_left(42)
        }
        None => {
            let mut short = [0; 8];
            short[..length.min(8)].copy_from_slice(&text[..length.min(8)]);
            u64::from_le_bytes(short)
        }
    };
    (hash ^ sample ^ length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)
}
