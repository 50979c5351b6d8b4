//! The `upshift` binary: flags to one of the crates.

fn main() {}
