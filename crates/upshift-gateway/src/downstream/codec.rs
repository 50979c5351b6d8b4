//! The driver of codecs: it ends them when the client times out, when its connection has to make
//! room, or when the gateway drains.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::progress::activity::{Activity, ActivityTimeouts, Expired};
use crate::telemetry::disconnect::DisconnectReason;

/// Runs a codec until it ends by itself, or its client times out. Once the connection has to stop
/// taking requests, `shut_down` asks the codec to end after the current exchange.
pub(crate) async fn drive_codec<C, E>(
    codec: Pin<&mut C>,
    shut_down: impl Fn(Pin<&mut C>),
    activity: &Activity,
    timeouts: ActivityTimeouts,
) -> Result<(), DisconnectReason>
where
    C: Future<Output = Result<(), E>>,
    DisconnectReason: From<E>,
{
    // Outside the task's budget, as the timer: if that is used up, a poll would not note the task.
    let mut goodbye = pin!(unconstrained(activity.wait_for_goodbye()));
    let mut timer = pin!(sleep_until(Instant::now() + timeouts.idle));
    let mut driver =
        CodecDriver { codec, shut_down, activity, timeouts, shutting_down: false, task: None };
    poll_fn(|cx| {
        if let Poll::Ready(ended) = driver.codec.as_mut().poll(cx) {
            return Poll::Ready(ended.map_err(DisconnectReason::from));
        }
        let mut must_poll = driver.note_task(cx);
        let may_stop = must_poll || activity.may_have_to_stop();
        // Polled only until it resolves: afterwards `shutting_down` is set.
        if !driver.shutting_down && may_stop && goodbye.as_mut().poll(cx).is_ready() {
            driver.begin_shutdown(cx);
            driver.keep_idle_deadline(timer.as_mut());
            must_poll = true;
        }
        driver.poll_deadlines(cx, timer.as_mut(), must_poll)
    })
    .await
}

/// A codec and the times that its client has to keep.
struct CodecDriver<'a, C, S> {
    codec: Pin<&'a mut C>,
    shut_down: S,
    activity: &'a Activity,
    timeouts: ActivityTimeouts,
    shutting_down: bool,
    /// The task that the waits of the connection wake.
    task: Option<Waker>,
}

impl<C, S: Fn(Pin<&mut C>)> CodecDriver<'_, C, S> {
    /// Returns true if the task is another one than in the poll before, so that all waits have to be
    /// polled. Otherwise they still know it: polling both with every request cost 600 instructions.
    fn note_task(&mut self, cx: &Context<'_>) -> bool {
        match &self.task {
            Some(task) if task.will_wake(cx.waker()) => false,
            _ => {
                self.task = Some(cx.waker().clone());
                true
            }
        }
    }

    fn begin_shutdown(&mut self, cx: &Context<'_>) {
        self.shutting_down = true;
        (self.shut_down)(self.codec.as_mut());
        // The codec acts on the shutdown when it is polled next.
        cx.waker().wake_by_ref();
    }

    /// An idle client has no longer than it had anyway; one that makes room has less.
    fn keep_idle_deadline(&self, timer: Pin<&mut Sleep>) {
        if let Some((due, Expired::Idle)) = self.activity.deadline(self.timeouts) {
            timer.reset(due);
        }
    }

    fn poll_deadlines(
        &mut self,
        cx: &mut Context<'_>,
        mut timer: Pin<&mut Sleep>,
        mut must_poll: bool,
    ) -> Poll<Result<(), DisconnectReason>> {
        loop {
            match self.activity.deadline(self.timeouts) {
                // An idle client that was asked to close has until `timer` to read what the codec
                // still holds.
                Some((_, Expired::Idle)) if self.shutting_down => {}
                Some((due, _)) if due < timer.deadline() => {
                    timer.as_mut().reset(due);
                    must_poll = true;
                }
                _ => {}
            }
            if !must_poll && !timer.is_elapsed() {
                return Poll::Pending;
            }
            if pin!(unconstrained(timer.as_mut())).poll(cx).is_pending() {
                return Poll::Pending;
            }
            must_poll = true;
            match self.activity.check_deadline(self.timeouts, Instant::now()) {
                Ok(next) => timer.as_mut().reset(next),
                // Between requests, the client first learns that there will be no next one.
                Err(Expired::Idle) if !self.shutting_down => {
                    self.begin_shutdown(cx);
                    timer.as_mut().reset(Instant::now() + self.timeouts.header);
                }
                Err(expired) => {
                    self.activity.give_up(expired);
                    return Poll::Ready(Err(DisconnectReason::Expired(expired)));
                }
            }
        }
    }
}
