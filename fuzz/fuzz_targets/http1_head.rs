//! Header sections of HTTP/1, behind a request line. They are read the same however they are divided.
#![no_main]

mod http1;
#[path = "../../crates/upshift-http1/tests/it/transcript.rs"]
mod transcript;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let input = [b"GET / HTTP/1.1\r\nHost: a\r\n".as_slice(), bytes, b"\r\n\r\n"].concat();
    http1::serve_divided(&input);
});
