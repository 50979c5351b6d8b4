//! Counters and the embedded store of Upshift.
