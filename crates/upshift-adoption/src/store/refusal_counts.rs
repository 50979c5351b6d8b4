//! The numbers of refused callers as one value: for each caller its fingerprint in 8 bytes, and its
//! numbers in 7 bits a byte, the lowest first.

use crate::Fingerprint;
use crate::usage::RefusedCaller;

/// The counts of one refused caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RefusalCount {
    pub(super) caller: Fingerprint,
    pub(super) requests: u64,
    pub(super) uncertainty: u64,
    /// The time of the last refusal, in seconds since 1970.
    pub(super) last_seen: i64,
}

/// The value of these callers.
pub(super) fn encode_counts<'c>(callers: impl IntoIterator<Item = &'c RefusedCaller>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for caller in callers {
        bytes.extend(caller.caller.bits().to_be_bytes());
        for number in [caller.requests, caller.uncertainty, caller.last_seen.cast_unsigned()] {
            push_number(&mut bytes, number);
        }
    }
    bytes
}

/// The callers of a value, up to the first incomplete one.
pub(super) fn decode_counts(mut bytes: &[u8]) -> Vec<RefusalCount> {
    let mut counts = Vec::new();
    while let Some(count) = take_count(&mut bytes) {
        counts.push(count);
    }
    counts
}

fn take_count(bytes: &mut &[u8]) -> Option<RefusalCount> {
    let (caller, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(RefusalCount {
        caller: Fingerprint::from_bits(u64::from_be_bytes(*caller)),
        requests: take_number(bytes)?,
        uncertainty: take_number(bytes)?,
        last_seen: take_number(bytes)?.cast_signed(),
    })
}

fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Network;

    #[test]
    fn numbers_of_any_size_are_read_back() {
        let caller = |bits, requests, last_seen| RefusedCaller {
            rule: "orders".into(),
            caller: Fingerprint::from_bits(bits),
            requests,
            uncertainty: requests / 3,
            first_seen: 0,
            last_seen,
            version: "1.4".into(),
            client: "App/1".into(),
            path: "/".into(),
            network: Network::Unknown,
        };
        let callers = [
            caller(0, 0, 0),
            caller(1, 127, 128),
            caller(u64::MAX, u64::MAX, i64::MAX),
            caller(2, 1 << 63, -1),
        ];
        let mut bytes = encode_counts(&callers);
        let decoded = decode_counts(&bytes);
        assert_eq!(decoded.len(), callers.len());
        for (count, caller) in decoded.iter().zip(&callers) {
            let expected = RefusalCount {
                caller: caller.caller,
                requests: caller.requests,
                uncertainty: caller.uncertainty,
                last_seen: caller.last_seen,
            };
            assert_eq!(*count, expected);
        }
        bytes.pop();
        assert_eq!(decode_counts(&bytes), decoded[..3], "the last one is not complete");
        assert_eq!(decode_counts(&[0xff; 30]), []);
    }
}
