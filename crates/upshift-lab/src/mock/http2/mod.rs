//! HTTP/2: requests through the `h2` library. So are answers, except those that it refuses to send;
//! their frames are written by hand.

mod command;
mod frames;
mod injector;
mod opening;
mod stream;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use upshift_record::{Lane, Protection};

use super::connection_context::ConnectionContext;
use super::peer_stream::PeerStream;
use super::pending_request::PendingRequest;
use command::Command;
use injector::{FrameInjector, FrameSender};
use opening::StreamOneReader;

/// The stream below the library.
type Io = FrameInjector<StreamOneReader<PeerStream>>;

/// A connection whose requests are being answered.
struct Session<'a> {
    context: &'a ConnectionContext,
    lane: Lane,
    /// The request of HTTP/1.1 that is stream 1 after a switch.
    first: Option<PendingRequest>,
    frames: FrameSender,
    commands: UnboundedSender<Command>,
    answers: JoinSet<()>,
}

/// Serves HTTP/2 to the end of the connection. `first` is the request of HTTP/1.1 that is stream 1
/// after a switch (RFC 7540 §3.2).
pub(crate) async fn serve(
    context: &ConnectionContext,
    stream: PeerStream,
    first: Option<PendingRequest>,
) {
    let lane = lane_of(context, first.as_ref());
    let opening = match &first {
        Some(pending) => StreamOneReader::after_switch(stream, pending.request.method.as_bytes()),
        None => StreamOneReader::passing(stream),
    };
    let (io, frames) = FrameInjector::new(opening);
    let mut builder = Builder::new();
    builder.max_concurrent_streams(MAX_STREAMS);
    let shaken = tokio::select! {
        biased;
        shaken = builder.handshake::<_, Bytes>(io) => shaken,
        () = context.server.stopped() => return,
    };
    let (commands, asked) = unbounded_channel();
    let session = Session { context, lane, first, frames, commands, answers: JoinSet::new() };
    match shaken {
        Ok(connection) => session.run(connection, asked).await,
        // A client may leave, for example because the settings of the peer are not acceptable to it.
        Err(error) if error.is_io() => {}
        Err(error) => context.recorder.malformed(&format!("HTTP/2 did not begin: {error}")),
    }
}

impl Session<'_> {
    async fn run(
        mut self,
        mut connection: Connection<Io, Bytes>,
        mut asked: UnboundedReceiver<Command>,
    ) {
        // The library would reset the streams of these if they were dropped.
        let mut kept = Vec::new();
        let mut is_stopping = false;
        loop {
            tokio::select! {
                // Octets that are there already shall be recorded before the peer stops.
                biased;
                accepted = connection.accept() => match accepted {
                    Some(Ok((request, respond))) => self.spawn_answer(request, respond),
                    Some(Err(error)) => return self.report_failure(&error),
                    None => return,
                },
                Some(command) = asked.recv() => match command {
                    Command::Close => connection.graceful_shutdown(),
                    Command::Abort => return self.context.reset_on_close(),
                    Command::Keep(handle) => kept.push(handle),
                },
                Some(_) = self.answers.join_next() => {}
                () = self.context.server.stopped(), if !is_stopping => {
                    is_stopping = true;
                    // The runtime may not have noticed yet what came before.
                    tokio::task::yield_now().await;
                }
                () = std::future::ready(()), if is_stopping && self.answers.is_empty() => return,
            }
        }
    }

    fn spawn_answer(&mut self, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
        let is_first = respond.stream_id().as_u32() == 1;
        let stream = stream::Stream {
            context: self.context.clone(),
            lane: self.lane,
            pending: if is_first { self.first.take() } else { None },
            frames: self.frames.clone(),
            commands: self.commands.clone(),
        };
        self.answers.spawn(stream.serve(request, respond));
    }

    /// Records what the client did wrong. A client that ends the connection with an error rejects
    /// what the peer did wrong.
    fn report_failure(&self, error: &h2::Error) {
        if error.is_go_away() && error.is_library() && error.reason() != Some(Reason::NO_ERROR) {
            self.context.recorder.malformed(&format!("HTTP/2 ended: {error}"));
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
