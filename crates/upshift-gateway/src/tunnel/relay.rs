//! Relays bytes between two streams.
//!
//! An idle tunnel holds no buffer: all tunnels of a core read into one, and only bytes that the
//! other side does not take at once are kept, until it does. While bytes are kept, the sender is
//! not read: that is the back-pressure.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The size of a read, in bytes; there is one such buffer per core.
const SHARED: usize = 64 * 1024;

/// The number of reads of one direction before other tasks get their turn.
const ROUNDS: usize = 16;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; SHARED]);
}

/// The reason for the end of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TunnelEnd {
    /// Both sides closed.
    Closed,
    /// No bytes moved for too long.
    Idle,
    /// A side did not read for too long.
    Stalled,
    /// A connection failed.
    Broken,
}

/// The timeouts of a tunnel.
#[derive(Clone, Copy, Debug)]
pub(super) struct TunnelTimeouts {
    /// The time without any bytes in either direction.
    pub(super) idle: Duration,
    /// The time in which a side has to read what the other sent.
    pub(super) stall: Duration,
}

/// Relays bytes both ways until both directions are closed, one fails, or a timeout passes.
///
/// When one side closes its direction, the other side sees the end, and may still send.
pub(super) async fn relay<A, B>(client: A, upstream: B, timeouts: TunnelTimeouts) -> TunnelEnd
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let (up, down) = (RelayDirection::default(), RelayDirection::default());
    let mut relay = Relay { client, upstream, up, down };
    let mut timer = RelayTimer::new(timeouts);
    poll_fn(|cx| match relay.poll_both(cx) {
        Poll::Ready(Ok(())) => Poll::Ready(TunnelEnd::Closed),
        Poll::Ready(Err(_)) => Poll::Ready(TunnelEnd::Broken),
        Poll::Pending => timer.poll_expired(cx, [&mut relay.up, &mut relay.down]),
    })
    .await
}

struct Relay<A, B> {
    client: A,
    upstream: B,
    up: RelayDirection,
    down: RelayDirection,
}

/// One direction of a tunnel.
#[derive(Default)]
struct RelayDirection {
    state: DirectionState,
    /// Bytes that were read, and the other side has not taken. Mostly empty and not allocated.
    kept: Vec<u8>,
    /// The number of bytes in `kept` that were written since.
    taken: usize,
    unflushed: bool,
    moved: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum DirectionState {
    #[default]
    Open,
    Closing,
    Closed,
}

impl<A, B> Relay<A, B>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    fn poll_both(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let up = self.up.poll_direction(cx, &mut self.client, &mut self.upstream)?;
        let down = self.down.poll_direction(cx, &mut self.upstream, &mut self.client)?;
        match (up, down) {
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    }
}

impl RelayDirection {
    /// Returns true if there are bytes, or an end, that the other side has not taken.
    fn has_untaken(&self) -> bool {
        !self.kept.is_empty() || self.unflushed || self.state == DirectionState::Closing
    }

    fn poll_direction<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        for _ in 0..ROUNDS {
            ready!(self.poll_kept(cx, to))?;
            match self.state {
                DirectionState::Open => {
                    if self.poll_carry(cx, from, to)?.is_pending() {
                        // There is nothing more to read for now, so flush. Only an error of the
                        // flush matters here: a pending one is polled again.
                        let _ = self.poll_flush(cx, to)?;
                        return Poll::Pending;
                    }
                }
                DirectionState::Closing => {
                    ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                    self.state = DirectionState::Closed;
                    self.moved = true;
                }
                DirectionState::Closed => return Poll::Ready(Ok(())),
            }
        }
        // There may be more to read, but a busy tunnel must not starve the other tasks of its core.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads once, and writes as much of it as the other side takes.
    fn poll_carry<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        BUFFER.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            ready!(Pin::new(from).poll_read(cx, &mut read))?;
            self.moved = true;
            let bytes = read.filled();
            if bytes.is_empty() {
                self.state = DirectionState::Closing;
                return Poll::Ready(Ok(()));
            }
            let taken = match Pin::new(to).poll_write(cx, bytes)? {
                Poll::Ready(taken) => taken,
                Poll::Pending => 0,
            };
            self.unflushed = true;
            // The buffer is shared with the other tunnels of the core, so the rest is copied out.
            self.kept.extend_from_slice(&bytes[taken..]);
            Poll::Ready(Ok(()))
        })
    }

    /// Writes the kept bytes; ready when there are none left.
    fn poll_kept<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
    ) -> Poll<io::Result<()>> {
        while self.taken < self.kept.len() {
            let taken = ready!(Pin::new(&mut *to).poll_write(cx, &self.kept[self.taken..]))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.taken += taken;
            self.moved = true;
        }
        if !self.kept.is_empty() {
            // Freed, not cleared: a tunnel may be idle for hours after one slow read.
            self.kept = Vec::new();
            self.taken = 0;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
    ) -> Poll<io::Result<()>> {
        if self.unflushed {
            ready!(Pin::new(to).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// The timer of a tunnel. To save work, it is reset only when it fires, and when a side begins to
/// stall.
struct RelayTimer {
    timeouts: TunnelTimeouts,
    last_moved: Instant,
    /// The time since which each direction has had bytes that were not taken.
    stalled: [Option<Instant>; 2],
    timer: Pin<Box<Sleep>>,
}

impl RelayTimer {
    fn new(timeouts: TunnelTimeouts) -> Self {
        let timer = Box::pin(tokio::time::sleep(timeouts.idle));
        Self { timeouts, last_moved: Instant::now(), stalled: [None; 2], timer }
    }

    fn poll_expired(
        &mut self,
        cx: &mut Context<'_>,
        directions: [&mut RelayDirection; 2],
    ) -> Poll<TunnelEnd> {
        for (stalled, direction) in self.stalled.iter_mut().zip(directions) {
            if mem::take(&mut direction.moved) {
                self.last_moved = Instant::now();
                *stalled = None;
            }
            if direction.has_untaken() {
                stalled.get_or_insert_with(Instant::now);
            }
        }
        let (until, end) = self.next_deadline();
        if until < self.timer.deadline() {
            self.timer.as_mut().reset(until);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if until <= Instant::now() {
                return Poll::Ready(end);
            }
            // Bytes moved since the timer was set.
            self.timer.as_mut().reset(until);
        }
        Poll::Pending
    }

    fn next_deadline(&self) -> (Instant, TunnelEnd) {
        let mut next = (self.last_moved + self.timeouts.idle, TunnelEnd::Idle);
        for since in self.stalled.into_iter().flatten() {
            let stall = since + self.timeouts.stall;
            if stall < next.0 {
                next = (stall, TunnelEnd::Stalled);
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::task::JoinHandle;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn tunnel(
        buffer: usize,
        idle: Duration,
    ) -> (DuplexStream, DuplexStream, JoinHandle<TunnelEnd>) {
        let (client, near) = duplex(buffer);
        let (far, upstream) = duplex(buffer);
        (client, upstream, tokio::spawn(relay(near, far, TunnelTimeouts { idle, stall: idle })))
    }

    #[tokio::test]
    async fn bytes_pass_both_ways_whatever_the_sides_take_at_once() {
        let (client, upstream, ended) = tunnel(7, LONG);
        let sent: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let (mut read_client, mut write_client) = tokio::io::split(client);
        let (mut read_upstream, mut write_upstream) = tokio::io::split(upstream);
        let echo = tokio::spawn(async move {
            tokio::io::copy(&mut read_upstream, &mut write_upstream).await.unwrap();
            write_upstream.shutdown().await.unwrap();
        });
        let expected = sent.clone();
        let writer = tokio::spawn(async move {
            write_client.write_all(&sent).await.unwrap();
            write_client.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        read_client.read_to_end(&mut received).await.unwrap();
        assert!(received == expected);
        echo.await.unwrap();
        writer.await.unwrap();
        assert_eq!(ended.await.unwrap(), TunnelEnd::Closed);
    }

    #[tokio::test]
    async fn one_direction_may_close_before_the_other() {
        let (mut client, mut upstream, ended) = tunnel(64, LONG);
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut question = Vec::new();
        upstream.read_to_end(&mut question).await.unwrap();
        assert_eq!(question, b"question");
        upstream.write_all(b"answer").await.unwrap();
        drop(upstream);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"answer");
        assert_eq!(ended.await.unwrap(), TunnelEnd::Closed);
    }

    #[tokio::test]
    async fn a_tunnel_in_which_nothing_moves_ends() {
        let (_client, _upstream, ended) = tunnel(64, Duration::from_millis(20));
        assert_eq!(ended.await.unwrap(), TunnelEnd::Idle);
    }

    /// Progress in one direction does not hide that the other is stalled.
    #[tokio::test(start_paused = true)]
    async fn a_side_that_takes_nothing_ends_the_tunnel_even_if_it_sends() {
        let (mut client, near) = duplex(1 << 20);
        let (far, mut upstream) = duplex(64);
        let timeouts = TunnelTimeouts { idle: LONG, stall: Duration::from_secs(2) };
        let ended = tokio::spawn(relay(near, far, timeouts));
        client.write_all(&[7; 4096]).await.unwrap();
        let begun = Instant::now();
        let sending = async {
            loop {
                upstream.write_all(b"still here").await.unwrap();
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        let ended = tokio::select! {
            ended = ended => ended.unwrap(),
            () = sending => TunnelEnd::Closed,
        };
        assert_eq!((ended, begun.elapsed().as_secs()), (TunnelEnd::Stalled, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_takes_slowly_is_no_stalled_one() {
        let (mut client, near) = duplex(1 << 20);
        let (far, mut upstream) = duplex(64);
        let timeouts = TunnelTimeouts { idle: LONG, stall: Duration::from_secs(2) };
        let ended = tokio::spawn(relay(near, far, timeouts));
        client.write_all(&[7; 1024]).await.unwrap();
        for _ in 0..16 {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            upstream.read_exact(&mut [0; 64]).await.unwrap();
        }
        assert!(!ended.is_finished());
    }

    #[tokio::test]
    async fn a_side_that_does_not_take_stops_the_other() {
        let (mut client, mut upstream, _ended) = tunnel(16, LONG);
        let mut accepted = 0;
        // The capacity of the pipes and one buffer. More would mean that nothing limits the tunnel.
        let bound = 16 + SHARED + 16;
        while let Ok(written) =
            tokio::time::timeout(Duration::from_millis(50), client.write(&[7; 16])).await
        {
            accepted += written.unwrap();
            assert!(accepted <= bound);
        }
        upstream.read_exact(&mut [0; 16]).await.unwrap();
        client.write_all(&[8]).await.unwrap();
    }
}
