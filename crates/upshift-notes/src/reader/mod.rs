//! Readers of recorded exchanges: raw messages, `curl -v`, HAR and Upshift's JSON.

mod curl;
mod format;
mod har;
mod json;
mod mock_events;
mod read_error;
mod recording;
mod text;
mod text_body;
mod text_head;

pub use format::{Format, UnknownFormat};
pub use read_error::ReadError;
pub use recording::Recording;

/// Reads all exchanges of an input.
///
/// # Errors
/// If the input does not have this format. The error names the line.
pub fn read(input: &[u8], format: Format) -> Result<Vec<Recording>, ReadError> {
    match format {
        Format::Text => text::read_text(input),
        Format::Curl => curl::read_curl(input),
        Format::Har => har::read_har(input),
        Format::Json => json::read_json(input),
    }
}

/// Guesses the format of an input; `None` if it looks like none.
pub fn guess_format(input: &[u8]) -> Option<Format> {
    let start = json::without_bom(input).trim_ascii_start();
    if start.starts_with(b"{") || start.starts_with(b"[") {
        let is_har = json::first_key(start).is_some_and(|key| key == "log");
        return Some(if is_har { Format::Har } else { Format::Json });
    }
    let mut has_message = false;
    for line in input.split(|byte| *byte == b'\n').take(200) {
        let line = line.trim_ascii_end();
        let is_of_curl = line.starts_with(b"< HTTP/") || line.starts_with(b"* ");
        if is_of_curl || (line.starts_with(b"> ") && text_head::is_start_line(&line[2..])) {
            return Some(Format::Curl);
        }
        if text_head::is_start_line(line) {
            has_message = true;
            break;
        }
    }
    if has_message { Some(Format::Text) } else { None }
}
