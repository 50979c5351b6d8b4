//! Generated odd messages over HTTP/1, read by the codec and by real programs on sockets: nginx,
//! HAProxy, Node, Go and the gateway.
//!
//! A message that the codec takes and another program refuses, or reads as another message, could be
//! a way to smuggle. So a rule must explain each difference in which one side refuses
//! ([`request_rules`], [`response_rules`]; by server and version in `docs/security.md`). For requests,
//! no rule explains that both sides take different messages; for responses, the rules for `Framed`
//! do. `UPSHIFT_DIFFERENTIAL_CASES` is the number of cases for each program.
//!
//! Catches two programs that read the same bytes as different messages.

mod codec;
mod comparison;
mod conversation;
mod disputed;
mod outcome;
mod request_rules;
mod requests;
mod response_rules;
mod responses;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use conformance::OddMessages;
use interop::{Count, tally};

/// The seed of the messages.
const SEED: u64 = 426;

/// The number of cases for each program, unless the environment has another one.
const CASES: usize = 20_000;

/// The connections that are open at a time.
const CONNECTIONS: usize = 16;

/// A function that generates a message.
type Generate = fn(&mut OddMessages) -> Vec<u8>;

/// Generates the cases, one kind after the other.
fn generate(kinds: [Generate; 2]) -> Vec<Vec<u8>> {
    let count = match std::env::var("UPSHIFT_DIFFERENTIAL_CASES") {
        Ok(wanted) => wanted.parse().unwrap_or_else(|error| panic!("{wanted}: {error}")),
        Err(_) => CASES,
    };
    tally(Count::Inputs, count);
    let mut messages = OddMessages::new(SEED);
    (0..count).map(|number| kinds[number % 2](&mut messages)).collect()
}

/// Does something for each of the numbers below `count`, on [`CONNECTIONS`] threads, and returns the
/// results in order.
fn for_each<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let mut results = Vec::new();
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for _ in 0..CONNECTIONS {
            workers.push(scope.spawn(|| work_through(&next, count, &work)));
        }
        for worker in workers {
            results.extend(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

fn work_through<T>(
    next: &AtomicUsize,
    count: usize,
    work: &impl Fn(usize) -> T,
) -> Vec<(usize, T)> {
    let mut done = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return done;
        }
        done.push((number, work(number)));
    }
}
