//! The codec from outside: the conformance vectors, and properties of any input.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

mod client_run;
mod gateway_run;
mod properties;
mod server_run;
mod transcript;
mod vectors;
