//! HTTP/2: requests through the `h2` library. So are answers, except those that it refuses to send;
//! their frames are written by hand.

mod frames;
mod injector;
mod opening;
mod stream;

use bytes::Bytes;
use h2::Reason;
use h2::server::{Builder, SendResponse};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use upshift_record::{Lane, Protection};

use super::connection::{ConnectionContext, PendingRequest};
use super::peer_stream::PeerStream;
use injector::FrameInjector;
use opening::StreamOneReader;

/// What a stream asks of its connection.
pub(super) enum Command {
    /// GOAWAY, then an end when all streams are answered.
    Close,
    /// An end at once, as the next layer has it.
    Abort,
    /// The handle of a stream that was answered by hand: the library would reset the stream if it
    /// were dropped.
    Keep(SendResponse<Bytes>),
}

/// Serves HTTP/2 to the end of the connection. `first` is the request of HTTP/1.1 that is stream 1
/// after a switch (RFC 7540 §3.2).
pub(crate) async fn serve(
    context: &ConnectionContext,
    stream: PeerStream,
    mut first: Option<PendingRequest>,
) {
    let lane = lane_of(context, first.as_ref());
    let opening = match &first {
        Some(pending) => StreamOneReader::after_switch(stream, pending.request.method.as_bytes()),
        None => StreamOneReader::passing(stream),
    };
    let (io, frames) = FrameInjector::new(opening);
    let mut builder = Builder::new();
    builder.max_concurrent_streams(MAX_STREAMS);
    let mut connection = tokio::select! {
        biased;
        shaken = builder.handshake::<_, Bytes>(io) => match shaken {
            Ok(connection) => connection,
            Err(error) => {
                context.recorder.malformed(&format!("HTTP/2 did not begin: {error}"));
                return;
            }
        },
        () = context.server.stopped() => return,
    };
    let (commands, mut asked) = unbounded_channel();
    let mut kept = Vec::new();
    let mut answers = JoinSet::new();
    let mut is_stopping = false;
    loop {
        tokio::select! {
            // Octets that are there already shall be recorded before the peer stops.
            biased;
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    let is_first = respond.stream_id().as_u32() == 1;
                    let stream = stream::Stream {
                        context: context.clone(),
                        lane,
                        pending: if is_first { first.take() } else { None },
                        frames: frames.clone(),
                        commands: UnboundedSender::clone(&commands),
                    };
                    answers.spawn(stream.serve(request, respond));
                }
                Some(Err(error)) => {
                    if error.is_go_away() && error.reason() != Some(Reason::NO_ERROR) {
                        context.recorder.malformed(&format!("HTTP/2 ended: {error}"));
                    }
                    return;
                }
                None => return,
            },
            Some(command) = asked.recv() => match command {
                Command::Close => connection.graceful_shutdown(),
                Command::Abort => {
                    context.reset_on_close();
                    return;
                }
                Command::Keep(handle) => kept.push(handle),
            },
            Some(_) = answers.join_next() => {}
            () = context.server.stopped(), if !is_stopping => {
                is_stopping = true;
                // The runtime may not have noticed yet what came before.
                tokio::task::yield_now().await;
            }
            () = std::future::ready(()), if is_stopping && answers.is_empty() => return,
        }
    }
}

/// The most streams that a client may have open.
const MAX_STREAMS: u32 = 250;

fn lane_of(context: &ConnectionContext, first: Option<&PendingRequest>) -> Lane {
    match (first, &context.protection) {
        (Some(pending), _) => pending.lane,
        (None, Protection::Cleartext) => Lane::H2cPrior,
        (None, Protection::Tls { .. }) => Lane::Http2,
    }
}
