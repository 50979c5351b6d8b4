//! A timeout for HTTP/2 streams whose client opens no flow-control window.
//!
//! hyper polls the next piece of a body only when there is window for it, and gives no other sign
//! of the wait. So the task of the stream is watched: if a response has started, its body does not
//! wait for the upstream, and still the body is not polled, then the client has to open the window.
//! After the timeout the task is dropped, which resets the stream (RFC 9113 §5.4.2) and releases
//! its upstream connection.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::{Instant, Sleep, sleep_until};

thread_local! {
    /// The progress of the stream whose task is running.
    static CURRENT: RefCell<Option<Rc<StreamProgress>>> = const { RefCell::new(None) };
}

/// The progress of the response on one stream.
pub(crate) struct StreamProgress {
    moved: Cell<Instant>,
    waits_for: Cell<WaitsFor>,
    /// The stream was without window for too long.
    given_up: Cell<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitsFor {
    /// The gateway or the upstream: there is nothing to send.
    Response,
    /// The client: there are bytes to send.
    Window,
}

impl StreamProgress {
    fn new() -> Rc<Self> {
        Rc::new(Self {
            moved: Cell::new(Instant::now()),
            waits_for: Cell::new(WaitsFor::Response),
            given_up: Cell::new(false),
        })
    }

    /// The progress of the stream whose task is running; `None` if streams are not watched.
    pub(crate) fn current() -> Option<Rc<Self>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Returns true if the stream is reset because it was without window for too long.
    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up.get()
    }

    /// Records that the response starts.
    pub(crate) fn start_response(&self) {
        self.record_progress(WaitsFor::Window);
    }

    /// Records that the body was polled, and returned `pending`.
    pub(crate) fn record_poll(&self, pending: bool) {
        if pending {
            self.waits_for.set(WaitsFor::Response);
        } else {
            self.record_progress(WaitsFor::Window);
        }
    }

    fn record_progress(&self, waits_for: WaitsFor) {
        self.moved.set(Instant::now());
        self.waits_for.set(waits_for);
    }

    /// The time since which the stream waits for window.
    fn blocked_since(&self) -> Option<Instant> {
        match self.waits_for.get() {
            WaitsFor::Window => Some(self.moved.get()),
            WaitsFor::Response => None,
        }
    }
}

/// An executor for the stream tasks of one connection, which drops a task that is blocked for too
/// long.
#[derive(Clone)]
pub(crate) struct StreamExecutor {
    limit: Duration,
    stalled: Rc<dyn Fn()>,
}

impl StreamExecutor {
    /// A stream may be without window for `limit`; `stalled` is called for each that exceeds that.
    pub(crate) fn new(limit: Duration, stalled: Rc<dyn Fn()>) -> Self {
        Self { limit, stalled }
    }
}

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for StreamExecutor {
    fn execute(&self, task: F) {
        let (limit, stalled) = (self.limit, Rc::clone(&self.stalled));
        spawn_local(WatchedTask {
            task: Box::pin(task),
            progress: StreamProgress::new(),
            limit,
            stalled,
            timer: None,
        });
    }
}

struct WatchedTask<F> {
    task: Pin<Box<F>>,
    progress: Rc<StreamProgress>,
    limit: Duration,
    stalled: Rc<dyn Fn()>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<F: Future<Output = ()>> WatchedTask<F> {
    fn poll_task(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // `serve` runs within the task and takes the progress from here.
        let outer = CURRENT.replace(Some(Rc::clone(&self.progress)));
        let polled = self.task.as_mut().poll(cx);
        CURRENT.set(outer);
        polled
    }

    /// Ready when the stream has been without window for too long.
    fn poll_blocked(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(since) = self.progress.blocked_since() else {
            self.timer = None;
            return Poll::Pending;
        };
        let until = since + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        // The timer may be set for an earlier wait. It is reset only when it fires.
        while timer.as_mut().poll(cx).is_ready() {
            if until <= Instant::now() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}

impl<F: Future<Output = ()>> Future for WatchedTask<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_task(cx).is_ready() {
            return Poll::Ready(());
        }
        let blocked = self.poll_blocked(cx);
        if blocked.is_ready() {
            self.progress.given_up.set(true);
            (self.stalled)();
        }
        blocked
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};

    use super::*;

    fn watched<F: Future<Output = ()>>(task: F) -> (WatchedTask<F>, Rc<Cell<u32>>) {
        let count = Rc::new(Cell::new(0));
        let counted = Rc::clone(&count);
        let stalled = Rc::new(move || counted.set(counted.get() + 1));
        let (limit, progress) = (Duration::from_secs(2), StreamProgress::new());
        (WatchedTask { task: Box::pin(task), progress, limit, stalled, timer: None }, count)
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_whose_client_opens_no_window_is_given_up() {
        let (task, stalled) = watched(async {
            let progress = StreamProgress::current();
            tokio::time::sleep(Duration::from_secs(10)).await;
            if let Some(progress) = progress {
                progress.start_response();
            }
            pending::<()>().await;
        });
        let begun = Instant::now();
        task.await;
        assert_eq!((begun.elapsed().as_secs(), stalled.get()), (12, 1));
        assert!(StreamProgress::current().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_waits_for_its_upstream_or_makes_progress_is_not() {
        let (task, stalled) = watched(async {
            let Some(progress) = StreamProgress::current() else { return };
            progress.start_response();
            progress.record_poll(true);
            tokio::time::sleep(Duration::from_secs(60)).await;
            for _ in 0..10 {
                progress.record_poll(false);
                // hyper wakes the task only when the window opens.
                tokio::time::sleep(Duration::from_millis(1_900)).await;
            }
            poll_fn(|_| Poll::Ready(())).await;
        });
        task.await;
        assert_eq!(stalled.get(), 0);
    }
}
