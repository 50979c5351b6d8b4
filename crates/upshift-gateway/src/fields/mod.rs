//! Field lines that end, change or are added at this hop.

pub(crate) mod forwarded;
pub(crate) mod trailers;
pub(crate) mod twins;
