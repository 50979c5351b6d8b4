//! Chunked content of HTTP/1. They are read the same however they are divided.
#![no_main]

mod http1;
#[path = "../../crates/upshift-http1/tests/it/transcript.rs"]
mod transcript;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let input =
        [b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice(), bytes]
            .concat();
    http1::serve_divided(&input);
});
