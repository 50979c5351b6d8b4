//! Suites against mock peers: plans, runs, and what is recorded of them.
#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

mod cases;
mod lanes;
mod support;
