//! Upshift's policy file: TOML in, a compiled policy and the gateway's settings out.
//!
//! 1. A file is right as a whole or not at all: [`load`] gives everything, or every error that the file has.
//! 2. Each error has its place, marks the offending text, says what was expected, and names the nearest valid spelling.
//! 3. Unknown keys are errors.
//! 4. Dates are resolved here, so that the core needs no time zones.

mod diagnostic;
mod document;
mod gateway;
mod moment;
mod quantity;
pub mod schema;
mod settings;
mod spelling;

pub use diagnostic::{Diagnostic, Severity};
pub use moment::parse as parse_moment;
pub use quantity::{parse_duration, write_duration};
pub use settings::{
    AccessLog, Address, AdminToken, Gateway, Hsts, Limits, Proxy, ProxyReads, TlsFiles, UpstreamHttp,
};
