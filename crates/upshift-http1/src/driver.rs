//! The values that both sides of a connection have for their driver.

/// The need of a connection, for its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Nothing: no exchange is in progress, and no byte of the next one is there. The driver may
    /// give its buffer back while it waits for the peer.
    Idle,
    /// Bytes from the peer.
    Read,
    /// A message, or the rest of one, from the local side.
    Write,
    /// The end of the connection, at once.
    Close,
    /// The end of the connection in two steps (RFC 9112 §9.6): flush, shut the sending side down,
    /// then read and discard for a limited time, so that a reset does not destroy the response.
    Linger,
    /// Another protocol: all bytes that were not consumed belong to it.
    Switch,
}

/// The result of a call: an event, and the number of bytes to remove from the start of the buffer
/// once the event was handled.
#[derive(Debug)]
pub struct Received<E> {
    /// The number of bytes up to the end of the event.
    pub consumed: usize,
    /// The event.
    pub event: E,
}

impl<E> Received<E> {
    pub(crate) fn new(consumed: usize, event: E) -> Self {
        Self { consumed, event }
    }
}
