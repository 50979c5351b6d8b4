//! A stream that writes down what goes through it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Direction, WireEvent, WireLog};

/// A stream whose octets are recorded in a [`WireLog`] and otherwise left alone.
#[derive(Debug)]
pub struct RecordedStream<S> {
    stream: S,
    log: WireLog,
}

impl<S> RecordedStream<S> {
    /// Records `stream` in `log` from now on.
    pub fn new(stream: S, log: WireLog) -> Self {
        Self { stream, log }
    }

    /// The stream itself; what goes through it then is not recorded.
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// The stream itself, for its options and addresses.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    fn record_failure(&self, direction: Direction, error: &io::Error) {
        self.log.record(WireEvent::Failed(direction, error.to_string()));
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for RecordedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let had_room = buffer.remaining() > 0;
        if let Err(error) = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer)) {
            self.record_failure(Direction::Received, &error);
            return Poll::Ready(Err(error));
        }
        let received = &buffer.filled()[before..];
        if !received.is_empty() {
            self.log.record(WireEvent::Octets(Direction::Received, received.to_vec()));
        } else if had_room {
            self.log.record(WireEvent::End(Direction::Received));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for RecordedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.stream).poll_write(cx, octets)) {
            Ok(written) => {
                let sent = octets[..written].to_vec();
                self.log.record(WireEvent::Octets(Direction::Sent, sent));
                Poll::Ready(Ok(written))
            }
            Err(error) => {
                self.record_failure(Direction::Sent, &error);
                Poll::Ready(Err(error))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        match &result {
            Ok(()) => self.log.record(WireEvent::End(Direction::Sent)),
            Err(error) => self.record_failure(Direction::Sent, error),
        }
        Poll::Ready(result)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Sends `parts` through a recorded stream to a peer that returns everything, and gives back
    /// what came back and the log.
    async fn echo_through_recorder(parts: Vec<Vec<u8>>, pipe_size: usize) -> (Vec<u8>, WireLog) {
        let (near, far) = tokio::io::duplex(pipe_size);
        let (mut far_reader, mut far_writer) = tokio::io::split(far);
        let echo = async move {
            tokio::io::copy(&mut far_reader, &mut far_writer).await.unwrap();
            far_writer.shutdown().await.unwrap();
        };
        let log = WireLog::begin();
        let (mut reader, mut writer) = tokio::io::split(RecordedStream::new(near, log.clone()));
        let send = async move {
            for part in parts {
                writer.write_all(&part).await.unwrap();
            }
            writer.shutdown().await.unwrap();
        };
        let mut back = Vec::new();
        let receive = reader.read_to_end(&mut back);
        let ((), (), received) = tokio::join!(echo, send, receive);
        received.unwrap();
        (back, log)
    }

    proptest! {
        /// What is written arrives unchanged, and the log has exactly that in both directions.
        #[test]
        fn recording_changes_no_octet(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8),
            pipe_size in 1_usize..64,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let sent = parts.concat();
            let (back, log) = runtime.block_on(echo_through_recorder(parts, pipe_size));
            prop_assert_eq!(&back, &sent);
            prop_assert_eq!(&log.octets(Direction::Sent), &sent);
            prop_assert_eq!(&log.octets(Direction::Received), &sent);
            let last = log.entries().pop().unwrap();
            prop_assert_eq!(last.event, WireEvent::End(Direction::Received));
        }
    }
}
