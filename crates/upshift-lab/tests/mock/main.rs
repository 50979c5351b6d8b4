//! Mock peers over loopback, asked by clients that write and read octets.
#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

mod behaviour;
mod catalogue;
mod client;
