//! A whole connection of HTTP/1 requests. They are read the same however they are divided.
#![no_main]

mod http1;
#[path = "../../crates/upshift-http1/tests/it/transcript.rs"]
mod transcript;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| http1::serve_divided(bytes));
