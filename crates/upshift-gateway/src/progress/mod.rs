//! Tracks the progress of clients: inactive connections and blocked streams.

pub(crate) mod activity;
pub(crate) mod stream_watch;
