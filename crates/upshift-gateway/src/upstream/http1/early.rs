//! A response that begins before the request has ended.
//!
//! A task then sends the rest of the request and relays the response: some clients read it only
//! after sending the whole request, so the upload must not wait for the client to read.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::timeout;

use super::connection::ResponsePart;
use super::error::Http1Error;
use super::exchange::Http1Exchange;
use crate::body::BodyError;
use crate::fields::names::KeptNames;

/// A frame, and the names of the fields in it if it has trailers.
type NamedFrame = (Frame<Bytes>, Option<Box<KeptNames>>);

/// Content that a task relays.
pub(super) struct EarlyContent {
    frames: mpsc::Receiver<Result<NamedFrame, BodyError>>,
    /// `None` once the response has ended.
    task: Option<AbortHandle>,
}

/// Starts the task for the rest of `exchange`, and returns the content of the response.
pub(super) fn relay_early_response(
    exchange: Http1Exchange,
    length: Option<u64>,
    silence: Duration,
) -> EarlyContent {
    // One frame, so that a slow client slows down the upstream.
    let (sender, frames) = mpsc::channel(1);
    let task = spawn_local(drive(exchange, sender, silence)).abort_handle();
    // Without content, the response has ended.
    let kept = if length == Some(0) { None } else { Some(task) };
    EarlyContent { frames, task: kept }
}

async fn drive(
    mut exchange: Http1Exchange,
    frames: mpsc::Sender<Result<NamedFrame, BodyError>>,
    silence: Duration,
) {
    if let Err(error) = relay_frames(&mut exchange, &frames).await {
        // This fails if the client is gone.
        let _ = frames.send(Err(error.into())).await;
        return;
    }
    drop(frames);
    // RFC 9112 §9.5: a client that learns that the connection closes SHOULD stop sending. If the
    // connection persists, the client may keep sending for a while after the response.
    if exchange.takes_rest_of_request() {
        let rest = timeout(silence, poll_fn(|cx| exchange.poll_upload(cx)));
        if !matches!(rest.await, Ok(Ok(()))) {
            return;
        }
    }
    exchange.finish();
}

/// Relays the response until its end, and keeps sending the request meanwhile.
async fn relay_frames(
    exchange: &mut Http1Exchange,
    frames: &mpsc::Sender<Result<NamedFrame, BodyError>>,
) -> Result<(), Http1Error> {
    loop {
        let part = poll_fn(|cx| {
            poll_upload_error(exchange, cx)?;
            exchange.connection.poll_part(cx)
        });
        let ResponsePart::Frame(frame, names) = part.await? else { return Ok(()) };
        let mut sending = pin!(frames.send(Ok((frame, names))));
        let sent = poll_fn(|cx| {
            poll_upload_error(exchange, cx)?;
            sending.as_mut().poll(cx).map(Ok::<_, Http1Error>)
        });
        // Without a receiver, this task is about to be aborted.
        if sent.await?.is_err() {
            return Ok(());
        }
    }
}

/// Sends as much of the request as possible. Only a failure matters here.
fn poll_upload_error(exchange: &mut Http1Exchange, cx: &mut Context<'_>) -> Result<(), Http1Error> {
    match exchange.poll_upload(cx) {
        Poll::Ready(sent) => sent,
        Poll::Pending => Ok(()),
    }
}

impl EarlyContent {
    /// The next frame.
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<NamedFrame>, BodyError>> {
        self.frames.poll_recv(cx).map(|received| match received {
            Some(frame) => frame.map(Some),
            None => {
                self.let_task_finish();
                Ok(None)
            }
        })
    }

    /// Lets the task send the rest of the request, because the whole response was read.
    pub(super) fn let_task_finish(&mut self) {
        self.task = None;
    }
}

impl Drop for EarlyContent {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
