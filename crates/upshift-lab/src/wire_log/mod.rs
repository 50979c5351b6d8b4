//! The octets of a connection in both directions, with their times.

mod recorded_stream;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use recorded_stream::RecordedStream;
use upshift_record::WireText;
use upshift_record::probe::WireRecord;

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
    /// The time since the start of the log.
    pub at: Duration,
    /// The event.
    pub event: WireEvent,
}

impl WireEntry {
    /// The entry as it stands in reports.
    pub fn to_record(&self) -> WireRecord {
        let (event, octets) = match &self.event {
            WireEvent::Octets(Direction::Sent, octets) => ("sent", octets.as_slice().into()),
            WireEvent::Octets(Direction::Received, octets) => {
                ("received", octets.as_slice().into())
            }
            WireEvent::End(Direction::Sent) => ("sent-end", WireText::default()),
            WireEvent::End(Direction::Received) => ("received-end", WireText::default()),
            WireEvent::Failed(_, error) => ("failed", error.as_str().into()),
        };
        WireRecord { at_ms: milliseconds(self.at), event: event.to_owned(), octets }
    }
}

/// Milliseconds with three digits after the point.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

/// A log of one connection. Clones share the log.
#[derive(Clone)]
pub struct WireLog {
    started: Instant,
    entries: Arc<Mutex<Vec<WireEntry>>>,
    observer: Option<Observer>,
}

/// A function that sees each entry when it is added.
type Observer = Arc<dyn Fn(&WireEntry) + Send + Sync>;

impl WireLog {
    /// An empty log that begins now.
    pub fn begin() -> Self {
        Self::begin_at(Instant::now())
    }

    /// An empty log whose times count from `started`, so that the logs of several connections have
    /// one clock.
    pub fn begin_at(started: Instant) -> Self {
        Self { started, entries: Arc::default(), observer: None }
    }

    /// Calls `observer` with each entry from now on, in order and before the next one is added. It
    /// must not add to the log.
    pub fn observed_by(self, observer: impl Fn(&WireEntry) + Send + Sync + 'static) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// Adds an event with the time of now.
    pub fn record(&self, event: WireEvent) {
        let entry = WireEntry { at: self.started.elapsed(), event };
        let mut entries = self.lock();
        if let Some(observer) = &self.observer {
            observer(&entry);
        }
        entries.push(entry);
    }

    /// The time since the start of the log.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
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

impl fmt::Debug for WireLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireLog").field("entries", &self.entries()).finish_non_exhaustive()
    }
}
