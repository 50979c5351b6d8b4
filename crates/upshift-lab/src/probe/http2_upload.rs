//! The content of a request over HTTP/2, within the windows of the server (RFC 9113 §5.2).

use upshift_http::http2::{DATA, END_STREAM};

use super::http2_frames::push_frame;

/// The largest payload that every server takes (RFC 9113 §4.2).
const FRAME_LIMIT: usize = 16_384;

/// SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113 §6.5.2).
const INITIAL_WINDOW_SIZE: u16 = 4;

/// The content that is still to be sent, and the room for it.
#[derive(Debug)]
pub(super) struct Http2Upload {
    rest: Vec<u8>,
    /// The room on the connection, in octets.
    connection_window: i64,
    /// The room on the stream. It is negative when the server has reduced it afterwards.
    stream_window: i64,
    /// The room that the server gives a new stream.
    initial_window: i64,
}

impl Default for Http2Upload {
    /// No content.
    fn default() -> Self {
        // RFC 9113 §6.9.2: "When an HTTP/2 connection is first established, new streams are created
        // with an initial flow-control window size of 65,535 octets", as is the connection.
        let window = 65_535;
        Self {
            rest: Vec::new(),
            connection_window: window,
            stream_window: window,
            initial_window: window,
        }
    }
}

impl Http2Upload {
    /// All of `content`.
    pub(super) fn new(content: &[u8]) -> Self {
        Self { rest: content.to_vec(), ..Self::default() }
    }

    /// Appends DATA frames for as much content as there is room for. The last one ends the stream.
    pub(super) fn push_data(&mut self, out: &mut Vec<u8>, stream: u32) {
        loop {
            let room = self.connection_window.min(self.stream_window).max(0);
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            let length = self.rest.len().min(room).min(FRAME_LIMIT);
            if length == 0 {
                return;
            }
            let piece: Vec<u8> = self.rest.drain(..length).collect();
            self.connection_window -= length as i64;
            self.stream_window -= length as i64;
            let flags = if self.rest.is_empty() { END_STREAM } else { 0 };
            push_frame(out, DATA, flags, stream, &piece);
        }
    }

    /// Takes a WINDOW_UPDATE of the connection (stream 0), or of the stream.
    pub(super) fn open_window(&mut self, stream: u32, increment: u32) {
        let window =
            if stream == 0 { &mut self.connection_window } else { &mut self.stream_window };
        *window += i64::from(increment & 0x7fff_ffff);
    }

    /// Takes the payload of a SETTINGS frame.
    ///
    /// RFC 9113 §6.9.2: a new value of SETTINGS_INITIAL_WINDOW_SIZE changes the window of open
    /// streams by the difference.
    pub(super) fn apply_settings(&mut self, payload: &[u8]) {
        for setting in payload.chunks_exact(6) {
            let [high, low, a, b, c, d] = setting else { continue };
            if u16::from_be_bytes([*high, *low]) != INITIAL_WINDOW_SIZE {
                continue;
            }
            let size = i64::from(u32::from_be_bytes([*a, *b, *c, *d]));
            self.stream_window += size - self.initial_window;
            self.initial_window = size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths of the payloads that are sent now.
    fn lengths(upload: &mut Http2Upload) -> Vec<usize> {
        let mut out = Vec::new();
        upload.push_data(&mut out, 1);
        let mut lengths = Vec::new();
        while let Some(frame) = super::super::http2_frames::Frame::take_from(&mut out) {
            lengths.push(frame.payload.len());
        }
        lengths
    }

    #[test]
    fn content_waits_for_both_windows() {
        let mut upload = Http2Upload::new(&vec![b'x'; 70_000]);
        assert_eq!(lengths(&mut upload), [16_384, 16_384, 16_384, 16_383]);
        upload.open_window(1, 10_000);
        assert_eq!(lengths(&mut upload), [0; 0]);
        upload.open_window(0, 1000);
        assert_eq!(lengths(&mut upload), [1000]);
        upload.open_window(0, 100_000);
        assert_eq!(lengths(&mut upload), [70_000 - 65_535 - 1000]);
        assert_eq!(lengths(&mut upload), [0; 0]);
    }

    #[test]
    fn a_smaller_initial_window_counts_for_what_was_sent() {
        let mut upload = Http2Upload::new(&vec![b'x'; 65_536]);
        assert_eq!(lengths(&mut upload).len(), 4);
        upload.apply_settings(&[0, 4, 0, 0, 0, 1]);
        upload.open_window(0, 10);
        upload.open_window(1, 65_534);
        assert_eq!(lengths(&mut upload), [0; 0]);
        upload.open_window(1, 1);
        assert_eq!(lengths(&mut upload), [1]);
    }
}
