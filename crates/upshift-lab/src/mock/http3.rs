//! HTTP/3, through the `h3` library, which sends what a scenario asks for.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use h3::error::Code;
use h3::server::{RequestResolver, RequestStream};
use quinn::VarInt;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use upshift_record::{ExchangeEnd, Lane, RecordedBody, RecordedRequest};

use super::connection_context::ConnectionContext;
use super::framed::{FramedAnswer, recorded_fields, recorded_request};
use super::pending_request::PendingRequest;
use super::record::Transport;
use super::scenario::{Answer, AnswerTime, ChosenStep, Origin, Then};
use super::server::Server;

type Stream = RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

/// Serves a connection to its end.
pub(crate) async fn serve(server: Arc<Server>, incoming: quinn::Incoming) {
    let client = incoming.remote_address();
    let Ok(quic) = incoming.await else { return };
    let recorder = server.recorder.open(client, Transport::Quic);
    let context = ConnectionContext::for_quic(Arc::clone(&server), recorder.clone());
    recorder.begin_tls(&context.protection);
    serve_requests(&context, quic).await;
    recorder.finish();
}

async fn serve_requests(context: &ConnectionContext, quic: quinn::Connection) {
    let opened = h3::server::Connection::<_, Bytes>::new(h3_quinn::Connection::new(quic.clone()));
    let mut connection = match opened.await {
        Ok(connection) => connection,
        Err(error) => {
            context.recorder.malformed(&format!("HTTP/3 did not begin: {error}"));
            return;
        }
    };
    let mut answers = JoinSet::new();
    let (closer, mut closing) = unbounded_channel::<()>();
    loop {
        tokio::select! {
            biased;
            accepted = connection.accept() => match accepted {
                Ok(Some(resolver)) => {
                    answers.spawn(serve_stream(context.clone(), resolver, closer.clone()));
                }
                Ok(None) | Err(_) => return,
            },
            Some(_) = answers.join_next() => {}
            Some(()) = closing.recv() => {
                quic.close(H3_NO_ERROR, b"");
                return;
            }
            () = context.server.stopped() => return,
        }
    }
}

/// RFC 9114 §8.1.
const H3_NO_ERROR: VarInt = VarInt::from_u32(0x100);

async fn serve_stream(
    context: ConnectionContext,
    resolver: RequestResolver<h3_quinn::Connection, Bytes>,
    closer: UnboundedSender<()>,
) {
    let (request, mut stream) = match resolver.resolve_request().await {
        Ok(resolved) => resolved,
        Err(error) => return context.recorder.malformed(&error.to_string()),
    };
    let (head, ()) = request.into_parts();
    let recorded = recorded_request(&head, "3");
    let mut pending = PendingRequest::begin(&context, recorded, Lane::Http3);
    let origin = Origin { lane: Lane::Http3, in_http1: false, in_tls: true, is_switched: false };
    let chosen = pending.choose_step(&context, origin);
    if chosen.time() == AnswerTime::End {
        read_content(&mut stream, &mut pending.request).await;
    }
    pending.record_request(&context);
    if context.wait(chosen.delay()).await.is_none() {
        return;
    }
    answer(&context, &mut stream, pending, &chosen).await;
    match chosen.then() {
        Some(Then::Close | Then::HalfClose | Then::Reset) => {
            let _ = closer.send(());
        }
        // Until the end of the connection, which drops this task.
        Some(Then::Hang) => std::future::pending().await,
        _ => {}
    }
}

async fn answer(
    context: &ConnectionContext,
    stream: &mut Stream,
    mut pending: PendingRequest,
    chosen: &ChosenStep,
) {
    let placeholders = context.placeholders(&pending.request);
    match FramedAnswer::of_step(chosen, &pending, &placeholders) {
        Some(answer) => {
            answer.record(&mut pending.exchange, "3");
            // `None` if the client is gone.
            let _ = send(stream, &answer, chosen.then()).await;
        }
        None => {
            pending.exchange.end = Some(ExchangeEnd::Reset);
            if let Some(Answer::StreamError(code)) = chosen.step.as_ref().map(|step| step.answer())
            {
                stream.stop_stream(Code::from(u64::from(code)));
            }
        }
    }
    pending.record_answer(context, chosen.number, chosen.then().unwrap_or(Then::Keep));
}

async fn read_content(stream: &mut Stream, request: &mut RecordedRequest) {
    let mut octets = Vec::new();
    while let Ok(Some(mut data)) = stream.recv_data().await {
        while data.has_remaining() {
            let part = data.chunk();
            octets.extend_from_slice(part);
            let count = part.len();
            data.advance(count);
        }
    }
    if !octets.is_empty() {
        request.body = Some(RecordedBody { octets, cut_from: None });
    }
    if let Ok(Some(trailers)) = stream.recv_trailers().await {
        request.trailers = recorded_fields(&trailers);
    }
}

async fn send(stream: &mut Stream, answer: &FramedAnswer, then: Option<Then>) -> Option<()> {
    for head in &answer.interim {
        stream.send_response(head.to_response()?).await.ok()?;
    }
    stream.send_response(answer.head.to_response()?).await.ok()?;
    if !answer.body.is_empty() {
        stream.send_data(Bytes::copy_from_slice(&answer.body)).await.ok()?;
    }
    if answer.is_whole && then != Some(Then::Hang) {
        stream.finish().await.ok()?;
    }
    Some(())
}
