//! Writers of heads, chunk framing and trailers. Each rejects what the readers of this crate
//! reject.

mod content;
mod fields;
mod start_line;

pub use content::ContentFrame;
pub(crate) use content::ContentWriter;
pub(crate) use fields::{add_fields, write_connection, write_fields, write_framing, write_lines};
pub(crate) use start_line::{write_request_line, write_status_line};

use crate::send_error::SendError;

/// Calls `write`, and removes what it has written if it fails.
pub(crate) fn write_or_undo(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), SendError>,
) -> Result<(), SendError> {
    let start = out.len();
    let result = write(out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}
