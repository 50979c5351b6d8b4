//! The results that both sides of a connection return to their driver.

/// The next action that a connection needs from its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Nothing: no exchange is in progress, and no byte of the next one has arrived. The driver may
    /// release its buffer while it waits for the peer.
    Idle,
    /// Bytes from the peer.
    Read,
    /// A message, or the rest of one, to send to the peer.
    Write,
    /// An immediate close.
    Close,
    /// A lingering close (RFC 9112 §9.6): flush, shut down the sending side, then read and discard
    /// for a limited time, so that a reset does not destroy the response.
    Linger,
    /// A switch to the other protocol. All bytes that were not consumed belong to it.
    Switch,
}

/// The result of a call: an event, and the number of bytes to remove from the start of the buffer
/// after handling it.
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
