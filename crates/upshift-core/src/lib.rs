//! The pure core of Upshift: facts, bytes and `now` in, decisions out.
//!
//! Nothing here opens a socket, reads a clock, a file or the environment, or awaits. The same
//! policy gives the same decision in every program that uses it.

pub mod answer;
pub mod client_info;
pub mod decision;
pub mod facts;
pub mod field;
pub mod follow;
pub mod inline_text;
pub mod inline_vec;
mod network;
pub mod notice;
mod offer;
pub mod policy;
mod prepared;
mod protocol_version;
pub mod proxy;
mod proxy_fields;
pub mod verdict;
pub mod version;

pub use decision::{Decision, Observed, Ruling};
pub use facts::{Facts, Fields, HttpVersion, Known, TlsState, TlsVersion};
pub use jiff::Timestamp;
pub use policy::{Phase, Policy, RequirementKind};
pub use verdict::{Verdict, VerdictReason};
