//! Progress of clients: whether a connection or a stream still moves, and how long it may not.

pub(crate) mod activity;
pub(crate) mod stream_watch;
