//! A file as a request body.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead as _, ReadBuf};

use crate::BoxError;

/// The number of bytes of a file that are read at a time.
const CHUNK: usize = 64 * 1024;

/// A file that is read while it is sent.
pub(crate) struct FileBody {
    /// The file, or the error of opening it, which the first poll returns.
    file: io::Result<tokio::fs::File>,
    left: u64,
    chunk: BytesMut,
}

impl FileBody {
    pub(crate) fn open(path: &Path) -> Self {
        match open_with_length(path) {
            Ok((file, left)) => Self { file: Ok(file), left, chunk: BytesMut::new() },
            Err(error) => Self { file: Err(error), left: 0, chunk: BytesMut::new() },
        }
    }
}

fn open_with_length(path: &Path) -> io::Result<(tokio::fs::File, u64)> {
    let file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    Ok((tokio::fs::File::from_std(file), length))
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let file = match &mut this.file {
            Ok(_) if this.left == 0 => return Poll::Ready(None),
            Ok(file) => file,
            Err(error) => {
                // `io::Error` cannot be cloned, and the body may be polled again.
                let copy = io::Error::new(error.kind(), error.to_string());
                return Poll::Ready(Some(Err(copy.into())));
            }
        };
        // Not beyond the announced length, even if the file has grown since.
        this.chunk.resize(this.left.min(CHUNK as u64) as usize, 0);
        let mut buffer = ReadBuf::new(&mut this.chunk);
        if let Err(error) = ready!(Pin::new(file).poll_read(cx, &mut buffer)) {
            return Poll::Ready(Some(Err(error.into())));
        }
        let read = buffer.filled().len();
        // The head has announced the length that the file had when it was opened.
        if read == 0 {
            return Poll::Ready(Some(Err("the file became shorter while it was sent".into())));
        }
        this.left -= read as u64;
        Poll::Ready(Some(Ok(Frame::data(this.chunk.split_to(read).freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && self.file.is_ok()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
