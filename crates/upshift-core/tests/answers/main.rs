//! Thousands of refusals, byte for byte: policies, requests and listeners in arbitrary
//! combinations, whose answers must not change unless it is meant.
//!
//! `digests` has one line for each answer, so that any change is noticed; `texts` shows some of the
//! answers in full, so that a change can be read. Accept a change with `cargo insta review`, and
//! say in the commit which bytes changed and why.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

mod circumstances;
mod requests;
mod rules;

use std::fmt::Write as _;

use circumstances::context_of;
use requests::Request;
use rules::policy_of;
use sha2::{Digest as _, Sha256};
use upshift_core::Policy;
use upshift_core::answer::{Answer, refusal_for};

/// The number of combinations; about nine in ten of them are refused.
const COMBINATIONS: u64 = 2600;

/// One answer in this many is shown in full.
const SHOWN: u64 = 40;

/// The number of policies that many requests share.
const POLICIES: u64 = 120;

/// The number of requests that share a policy.
const REQUESTS: usize = 40;

/// The bytes of a digest that are kept.
const DIGEST_BYTES: usize = 6;

/// A source of choices that are the same on every machine (`SplitMix64`).
pub(crate) struct Choices(u64);

impl Choices {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        let index = self.next() % u64::try_from(all.len()).unwrap();
        all[usize::try_from(index).unwrap()]
    }

    pub(crate) fn is_one_in(&mut self, number: u64) -> bool {
        self.next().is_multiple_of(number)
    }
}

#[test]
fn refusals_are_the_same_bytes_as_before() {
    let (mut digests, mut texts) = (String::new(), String::new());
    for combination in 0..COMBINATIONS {
        let mut choices = Choices(combination);
        let policy = policy_of(&mut choices);
        let request = Request::choose(&mut choices);
        let context = context_of(&mut choices);
        let facts = request.facts();
        let decision = policy.decide(&facts, context.now);
        let Some(answer) = refusal_for(&decision, &facts, &context) else { continue };
        let text = text_of(&answer);
        let digest = Sha256::digest(&text);
        write!(digests, "{combination} {} ", answer.status()).unwrap();
        for byte in &digest[..DIGEST_BYTES] {
            write!(digests, "{byte:02x}").unwrap();
        }
        digests.push('\n');
        if combination % SHOWN == 0 {
            writeln!(texts, "=== {combination}\n{text}").unwrap();
        }
    }
    insta::assert_snapshot!("digests", digests);
    insta::assert_snapshot!("texts", texts);
}

/// An answer that was laid out for another request must fit this one as if it were its own.
#[test]
fn prepared_answers_are_those_that_a_new_policy_gives() {
    for combination in 0..POLICIES {
        let mut choices = Choices(combination);
        let policy = policy_of(&mut choices);
        for _ in 0..REQUESTS {
            let request = Request::choose(&mut choices);
            let context = context_of(&mut choices);
            let facts = request.facts();
            let new_policy = Policy::new(policy.to_spec()).unwrap();
            let prepared = refusal_for(&policy.decide(&facts, context.now), &facts, &context);
            let composed = refusal_for(&new_policy.decide(&facts, context.now), &facts, &context);
            assert_eq!(prepared, composed, "policy {combination}: {policy:?}");
        }
    }
}

/// The answer as text, all of it.
fn text_of(answer: &Answer) -> String {
    let mut text = format!("{} closes: {}\n", answer.status(), answer.closes());
    for (name, value) in answer.fields() {
        writeln!(text, "{name}: {value}").unwrap();
    }
    text.push('\n');
    text.push_str(std::str::from_utf8(answer.body()).unwrap());
    text
}
