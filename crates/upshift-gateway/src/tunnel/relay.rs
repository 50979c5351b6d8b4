//! Carries bytes between two streams.
//!
//! An idle tunnel holds no buffer: all tunnels of a core read into one, and only what the other
//! side does not take at once is kept, until it does. So a side that is slow to take is a side from
//! which the other is not read: that is the back-pressure.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How much one read may take, in bytes; there is one such buffer per core.
const SHARED: usize = 64 * 1024;

/// How often one direction may read before others get their turn.
const ROUNDS: usize = 16;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; SHARED]);
}

/// How a tunnel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Both sides closed.
    Closed,
    /// Nothing moved for the time allowed.
    Idle,
    /// A side took nothing of what the other sent, for the time allowed.
    Stalled,
    /// A side broke off.
    Broken,
}

/// How long a tunnel may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For anything at all.
    pub(super) idle: Duration,
    /// For a side to take what the other sent.
    pub(super) stall: Duration,
}

/// Carries bytes both ways until both directions are closed, one breaks, or `patience` has run out.
///
/// When one side ends its direction, the other side is told so, and may go on sending.
pub(super) async fn relay<A, B>(client: A, upstream: B, patience: Patience) -> Ended
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let mut tunnel =
        Tunnel { client, upstream, up: Direction::default(), down: Direction::default() };
    let mut watch = Watch::new(patience);
    poll_fn(|cx| {
        let carried = tunnel.poll(cx);
        match carried {
            Poll::Ready(Ok(())) => Poll::Ready(Ended::Closed),
            Poll::Ready(Err(_)) => Poll::Ready(Ended::Broken),
            Poll::Pending => watch.poll(cx, [&mut tunnel.up, &mut tunnel.down]),
        }
    })
    .await
}

struct Tunnel<A, B> {
    client: A,
    upstream: B,
    up: Direction,
    down: Direction,
}

#[derive(Default)]
struct Direction {
    stage: Stage,
    /// Read, but not yet taken by the other side. Empty, and without memory, most of the time.
    kept: Vec<u8>,
    taken: usize,
    unflushed: bool,
    moved: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    Closing,
    Closed,
}

impl<A, B> Tunnel<A, B>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let up = self.up.poll(cx, &mut self.client, &mut self.upstream)?;
        let down = self.down.poll(cx, &mut self.upstream, &mut self.client)?;
        match (up, down) {
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    }
}

impl Direction {
    /// Whether there are bytes, or an end, that the other side has not taken.
    fn owes(&self) -> bool {
        !self.kept.is_empty() || self.unflushed || self.stage == Stage::Closing
    }

    fn poll<R, W>(&mut self, cx: &mut Context<'_>, from: &mut R, to: &mut W) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        for _ in 0..ROUNDS {
            ready!(self.poll_kept(cx, to))?;
            match self.stage {
                Stage::Open => match self.poll_carry(cx, from, to)? {
                    Poll::Ready(()) => {}
                    Poll::Pending => return self.poll_flush(cx, to).map_ok(|_| ()).pending(),
                },
                Stage::Closing => {
                    ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                    self.stage = Stage::Closed;
                    self.moved = true;
                }
                Stage::Closed => return Poll::Ready(Ok(())),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads once, and passes on what came, as much as is taken.
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
                self.stage = Stage::Closing;
                return Poll::Ready(Ok(()));
            }
            let taken = match Pin::new(to).poll_write(cx, bytes)? {
                Poll::Ready(taken) => taken,
                Poll::Pending => 0,
            };
            self.unflushed = true;
            self.kept.extend_from_slice(&bytes[taken..]);
            Poll::Ready(Ok(()))
        })
    }

    /// Passes on what is kept; ready when nothing is.
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

/// Of a poll that has more to wait for: its errors, else pending.
trait PendingExt {
    fn pending(self) -> Self;
}

impl PendingExt for Poll<io::Result<()>> {
    fn pending(self) -> Self {
        match self {
            Self::Ready(Ok(())) => Self::Pending,
            other => other,
        }
    }
}

/// Keeps the time of a tunnel. The timer is touched when it fires, and when a side begins to take
/// nothing.
struct Watch {
    patience: Patience,
    last: Instant,
    /// Since when each direction has had bytes that were not taken.
    stalled: [Option<Instant>; 2],
    timer: Pin<Box<Sleep>>,
}

impl Watch {
    fn new(patience: Patience) -> Self {
        let timer = Box::pin(tokio::time::sleep(patience.idle));
        Self { patience, last: Instant::now(), stalled: [None; 2], timer }
    }

    fn poll(&mut self, cx: &mut Context<'_>, directions: [&mut Direction; 2]) -> Poll<Ended> {
        for (stalled, direction) in self.stalled.iter_mut().zip(directions) {
            if std::mem::take(&mut direction.moved) {
                self.last = Instant::now();
                *stalled = None;
            }
            if direction.owes() {
                stalled.get_or_insert_with(Instant::now);
            }
        }
        let (until, ended) = self.deadline();
        if until < self.timer.deadline() {
            self.timer.as_mut().reset(until);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if until <= Instant::now() {
                return Poll::Ready(ended);
            }
            self.timer.as_mut().reset(until);
        }
        Poll::Pending
    }

    fn deadline(&self) -> (Instant, Ended) {
        let idle = (self.last + self.patience.idle, Ended::Idle);
        let stalled = self
            .stalled
            .iter()
            .flatten()
            .min()
            .map(|since| (*since + self.patience.stall, Ended::Stalled));
        match stalled {
            Some(stalled) if stalled.0 < idle.0 => stalled,
            _ => idle,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::task::JoinHandle;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn tunnel(buffer: usize, idle: Duration) -> (DuplexStream, DuplexStream, JoinHandle<Ended>) {
        let (client, near) = duplex(buffer);
        let (far, upstream) = duplex(buffer);
        (client, upstream, tokio::spawn(relay(near, far, Patience { idle, stall: idle })))
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
        assert_eq!(ended.await.unwrap(), Ended::Closed);
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
        assert_eq!(ended.await.unwrap(), Ended::Closed);
    }

    #[tokio::test]
    async fn a_tunnel_in_which_nothing_moves_ends() {
        let (_client, _upstream, ended) = tunnel(64, Duration::from_millis(20));
        assert_eq!(ended.await.unwrap(), Ended::Idle);
    }

    /// One half that moves does not hide that the other does not.
    #[tokio::test(start_paused = true)]
    async fn a_side_that_takes_nothing_ends_the_tunnel_even_if_it_sends() {
        let (mut client, near) = duplex(1 << 20);
        let (far, mut upstream) = duplex(64);
        let patience = Patience { idle: LONG, stall: Duration::from_secs(2) };
        let ended = tokio::spawn(relay(near, far, patience));
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
            () = sending => Ended::Closed,
        };
        assert_eq!((ended, begun.elapsed().as_secs()), (Ended::Stalled, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_side_that_takes_slowly_is_no_stalled_one() {
        let (mut client, near) = duplex(1 << 20);
        let (far, mut upstream) = duplex(64);
        let patience = Patience { idle: LONG, stall: Duration::from_secs(2) };
        let ended = tokio::spawn(relay(near, far, patience));
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
        // What the pipes hold, and one buffer's worth: a tunnel that took more would have no bound.
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
