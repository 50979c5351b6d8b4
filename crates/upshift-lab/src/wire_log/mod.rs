//! The octets of a connection in both directions, with their times.

mod recorded_stream;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use recorded_stream::RecordedStream;

/// The direction of octets, as the recording end sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the recorder to its peer.
    Sent,
    /// From the peer to the recorder.
    Received,
}

/// Something that happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireEvent {
    /// Octets went over the connection: those of one read or write.
    Octets(Direction, Vec<u8>),
    /// One side ended its direction in an orderly way (FIN, or `close_notify`).
    End(Direction),
    /// Reading or writing failed, for example because the peer reset the connection.
    Failed(Direction, String),
}

/// An event and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireEntry {
    /// The time since the log was begun.
    pub at: Duration,
    /// The event.
    pub event: WireEvent,
}

/// A log of one connection. Clones share the log.
#[derive(Clone, Debug)]
pub struct WireLog {
    started: Instant,
    entries: Arc<Mutex<Vec<WireEntry>>>,
}

impl WireLog {
    /// An empty log that begins now.
    pub fn begin() -> Self {
        Self { started: Instant::now(), entries: Arc::default() }
    }

    /// Adds an event with the time of now.
    pub fn record(&self, event: WireEvent) {
        let at = self.started.elapsed();
        self.lock().push(WireEntry { at, event });
    }

    /// The events so far, in order.
    pub fn entries(&self) -> Vec<WireEntry> {
        self.lock().clone()
    }

    /// All octets of one direction so far.
    pub fn octets(&self, wanted: Direction) -> Vec<u8> {
        let mut all = Vec::new();
        for entry in self.lock().iter() {
            if let WireEvent::Octets(direction, octets) = &entry.event
                && *direction == wanted
            {
                all.extend_from_slice(octets);
            }
        }
        all
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<WireEntry>> {
        // A panic elsewhere leaves at most a missing entry.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
