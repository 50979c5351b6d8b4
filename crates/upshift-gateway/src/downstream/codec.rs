//! The driver of codecs: it ends them when the client is given up or the gateway drains.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use upshift_config::Limits;

use crate::exchange::connection::Connection;
use crate::progress::activity::{Activity, Expired};
use crate::telemetry::disconnect::DisconnectReason;

/// Runs the codec of a client's connection.
pub(super) async fn drive_codec<C: Future<Output = hyper::Result<()>>>(
    codec: Pin<&mut C>,
    shut_down: fn(Pin<&mut C>),
    connection: &Connection,
    limits: &Limits,
) -> Result<(), DisconnectReason> {
    let draining = connection.core.shared.draining.subscribe();
    drive(codec, shut_down, &connection.activity, draining, limits).await
}

/// Runs a codec until it ends by itself, its client is given up, or `draining` becomes true.
pub(crate) async fn drive<C: Future<Output = hyper::Result<()>>>(
    mut codec: Pin<&mut C>,
    shut_down: fn(Pin<&mut C>),
    activity: &Activity,
    mut draining: watch::Receiver<bool>,
    limits: &Limits,
) -> Result<(), DisconnectReason> {
    let mut told_to_end = pin!(async move {
        tokio::select! {
            _ = draining.wait_for(|draining| *draining) => None,
            () = activity.wait_for_eviction() => Some(activity),
        }
    });
    let mut timer = pin!(sleep_until(Instant::now() + limits.idle));
    let mut finishing = false;
    poll_fn(|cx| {
        if let Poll::Ready(ended) = codec.as_mut().poll(cx) {
            return Poll::Ready(ended.map_err(|error| DisconnectReason::of_codec_error(&error)));
        }
        if !finishing && let Poll::Ready(evicted) = told_to_end.as_mut().poll(cx) {
            finishing = true;
            shut_down(codec.as_mut());
            cx.waker().wake_by_ref();
            if let Some((due, Expired::Idle)) =
                evicted.and_then(|activity| activity.deadline(limits))
            {
                timer.as_mut().reset(due);
            }
        }
        loop {
            match activity.deadline(limits) {
                // An idle client that was told so has until `timer` to take what the codec still
                // holds.
                Some((_, Expired::Idle)) if finishing => {}
                Some((due, _)) if due < timer.deadline() => timer.as_mut().reset(due),
                _ => {}
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            match activity.check_deadline(limits, Instant::now()) {
                Ok(next) => timer.as_mut().reset(next),
                // Between requests, the client is told that there will be no next one.
                Err(Expired::Idle) if !finishing => {
                    finishing = true;
                    shut_down(codec.as_mut());
                    cx.waker().wake_by_ref();
                    timer.as_mut().reset(Instant::now() + limits.header_timeout);
                }
                Err(expired) => return Poll::Ready(Err(DisconnectReason::Expired(expired))),
            }
        }
    })
    .await
}
