//! Field lines that end, change or are added at this hop.

pub(crate) mod cgi_aliases;
pub(crate) mod forwarded;
pub(crate) mod header_map;
pub(crate) mod names;
pub(crate) mod request_fields;
pub(crate) mod trailers;
