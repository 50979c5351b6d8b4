//! An exchange that was read, and the lines on which it stands.

use upshift_record::{MessagePlace, RecordedExchange};

/// An exchange and where it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The exchange.
    pub exchange: RecordedExchange,
    /// Its place among those of its input, from 1.
    pub number: usize,
    /// The line on which it begins, from 1; `None` in formats of one line.
    pub line: Option<usize>,
    /// The lines of its start lines and fields.
    pub(super) field_lines: Vec<FieldLine>,
}

/// The line of a start line (without a name) or of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldLine {
    pub(super) place: MessagePlace,
    pub(super) name: Option<String>,
    pub(super) line: usize,
}

impl Recording {
    /// The line of a field of a message, or of the message's start line; `None` where lines are not
    /// known.
    pub fn line_of(&self, place: MessagePlace, field: Option<&str>) -> Option<usize> {
        let mut of_message = None;
        for known in self.field_lines.iter().filter(|known| known.place == place) {
            match (&known.name, field) {
                (None, _) => of_message = Some(known.line),
                (Some(name), Some(field)) if name.eq_ignore_ascii_case(field) => {
                    return Some(known.line);
                }
                _ => {}
            }
        }
        of_message.or(self.line)
    }
}
