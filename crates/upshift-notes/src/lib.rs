//! Notes on recorded HTTP exchanges: what is right, and what is wrong, about an upgrade.
//!
//! [`examine`] takes one [`RecordedExchange`] and returns the findings. Each finding comes from a
//! [`Note`], which says why it matters and which paragraph of an RFC it rests on. [`reader`] reads
//! exchanges from text, `curl -v`, HAR and JSON; [`ignore`] leaves out findings for a stated reason
//! until a stated date.
//!
//! Nothing here opens a socket or a file, or reads a clock.
//!
//! ```
//! use upshift_notes::{examine, reader};
//!
//! let text = b"HTTP/1.1 426 Upgrade Required\nUpgrade: api-version=2.0\nConnection: upgrade\n\n";
//! let format = reader::guess_format(text).unwrap();
//! let recordings = reader::read(text, format).unwrap();
//! let findings = examine(&recordings[0].exchange);
//! assert!(findings.iter().any(|finding| finding.message.contains("api-version=2.0")));
//! ```

mod exchange;
mod fields;
pub mod ignore;
mod note;
mod notes;
pub mod reader;
mod registry;

use upshift_record::{Finding, RecordedExchange};

pub use note::Note;
pub use registry::{UnknownNote, all_notes, find_note};

/// Returns the findings about an exchange, in the order of the notes.
pub fn examine(recorded: &RecordedExchange) -> Vec<Finding> {
    let exchange = exchange::Exchange::new(recorded);
    let mut findings = Vec::new();
    for note in all_notes() {
        findings.extend(note.examine(&exchange));
    }
    findings
}
