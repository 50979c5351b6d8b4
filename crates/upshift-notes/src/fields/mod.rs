//! Grammar of the fields that only the notes read.

pub(crate) mod alt_svc;
pub(crate) mod cache_control;
pub(crate) mod link;
pub(crate) mod problem;
pub(crate) mod protocol_names;
pub(crate) mod retirement;
pub(crate) mod websocket;
