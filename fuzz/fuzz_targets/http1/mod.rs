//! A server of the codec, and its check for all targets: requests are the same however their bytes
//! are divided.

#[path = "../../../crates/upshift-http1/tests/it/server_run.rs"]
mod server_run;

use server_run::ServerRun;

/// Serves a connection on which these bytes arrive at once, in two pieces, and byte by byte.
pub(crate) fn serve_divided(bytes: &[u8]) {
    let run = ServerRun::default();
    let whole = run.serve(&[bytes]);
    for place in [bytes.len() / 3, bytes.len() / 2] {
        let (first, second) = bytes.split_at(place);
        assert_eq!(run.serve(&[first, second]), whole, "divided at {place}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(run.serve(&single), whole, "byte by byte");
}
