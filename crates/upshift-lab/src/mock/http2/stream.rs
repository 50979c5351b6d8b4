//! One stream: a request and its answer.

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response, StatusCode};
use tokio::sync::mpsc::UnboundedSender;
use upshift_record::{ExchangeEnd, Lane, Protection, RecordedBody, RecordedRequest};

use super::command::Command;
use super::frames::response_frames;
use super::injector::FrameSender;
use crate::mock::connection_context::ConnectionContext;
use crate::mock::framed::{FramedAnswer, FramedHead, recorded_fields, recorded_request};
use crate::mock::pending_request::PendingRequest;
use crate::mock::scenario::{Answer, AnswerTime, ChosenStep, Origin, Then};

/// A stream that is being answered.
pub(super) struct Stream {
    pub(super) context: ConnectionContext,
    pub(super) lane: Lane,
    /// The request of HTTP/1.1 that this stream answers.
    pub(super) pending: Option<PendingRequest>,
    pub(super) frames: FrameSender,
    pub(super) commands: UnboundedSender<Command>,
}

impl Stream {
    /// Reads the request and answers it.
    pub(super) async fn serve(
        mut self,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
    ) {
        let (head, body) = request.into_parts();
        let mut pending = match self.pending.take() {
            Some(pending) => pending,
            None => PendingRequest::begin(&self.context, recorded_request(&head, "2"), self.lane),
        };
        let chosen = pending.choose_step(&self.context, self.origin());
        // The content of stream 1 after a switch came before it.
        if chosen.time() == AnswerTime::End && pending.place.is_none() {
            send_continue(&mut respond, &mut pending);
            read_content(body, &mut pending.request).await;
        }
        pending.record_request(&self.context);
        if self.context.wait(chosen.delay()).await.is_some() {
            self.answer(respond, pending, chosen).await;
        }
    }

    fn origin(&self) -> Origin {
        Origin {
            lane: self.lane,
            in_http1: false,
            in_tls: self.context.protection != Protection::Cleartext,
            is_switched: self.lane == Lane::H2cUpgrade,
        }
    }

    async fn answer(
        self,
        respond: SendResponse<Bytes>,
        mut pending: PendingRequest,
        chosen: ChosenStep,
    ) {
        let placeholders = self.context.placeholders(&pending.request);
        let answer = FramedAnswer::of_step(&chosen, &pending, &placeholders);
        match &answer {
            Some(answer) => answer.record(&mut pending.exchange, "2"),
            None => pending.exchange.end = Some(ExchangeEnd::Reset),
        }
        let then = chosen.then().unwrap_or(Then::Keep);
        pending.record_answer(&self.context, chosen.number, then);
        let held = match answer {
            Some(answer) => self.send(respond, &answer, then),
            None => self.send_no_message(respond, &chosen),
        };
        match then {
            Then::Close | Then::HalfClose => {
                let _ = self.commands.send(Command::Close);
            }
            Then::Reset => {
                let _ = self.commands.send(Command::Abort);
            }
            // Until the end of the connection, which drops this task.
            Then::Hang => std::future::pending().await,
            Then::Keep | Then::H2c | Then::Tls | Then::Websocket | Then::Echo => {}
        }
        drop(held);
    }

    /// Sends a message, and returns the handle of the stream if it is still to be held.
    fn send(
        &self,
        mut respond: SendResponse<Bytes>,
        answer: &FramedAnswer,
        then: Then,
    ) -> Option<h2::SendStream<Bytes>> {
        if answer.is_legal() {
            return send_by_library(&mut respond, answer, then == Then::Hang);
        }
        self.frames.send(response_frames(respond.stream_id().as_u32(), answer));
        let _ = self.commands.send(Command::Keep(respond));
        None
    }

    /// Resets the stream if the step says so, and else leaves it open.
    fn send_no_message(
        &self,
        mut respond: SendResponse<Bytes>,
        chosen: &ChosenStep,
    ) -> Option<h2::SendStream<Bytes>> {
        match chosen.step.as_ref().map(|step| step.answer()) {
            Some(Answer::StreamError(code)) => respond.send_reset(Reason::from(code)),
            _ => {
                let _ = self.commands.send(Command::Keep(respond));
            }
        }
        None
    }
}

/// RFC 9110 §10.1.1: a server that reads the content sends the 100 first.
fn send_continue(respond: &mut SendResponse<Bytes>, pending: &mut PendingRequest) {
    let mut fields = pending.request.fields.iter();
    let is_expected = fields.any(|field| {
        field.0.eq_ignore_ascii_case("expect") && field.1.eq_ignore_ascii_case("100-continue")
    });
    if !is_expected {
        return;
    }
    let mut interim = Response::new(());
    *interim.status_mut() = StatusCode::CONTINUE;
    if respond.send_informational(interim).is_ok() {
        let head = FramedHead { status: 100, fields: Vec::new() };
        pending.exchange.interim.push(head.recorded("2"));
    }
}

async fn read_content(mut body: RecvStream, request: &mut RecordedRequest) {
    let mut octets = Vec::new();
    while let Some(Ok(data)) = body.data().await {
        octets.extend_from_slice(&data);
        // Fails only if more is released than was received.
        let _ = body.flow_control().release_capacity(data.len());
    }
    if !octets.is_empty() {
        request.body = Some(RecordedBody { octets, cut_from: None });
    }
    if let Ok(Some(trailers)) = body.trailers().await {
        request.trailers = recorded_fields(&trailers);
    }
}

/// Sends an answer, and returns the handle of the stream if it is still to be held. Errors mean
/// that the client is gone.
fn send_by_library(
    respond: &mut SendResponse<Bytes>,
    answer: &FramedAnswer,
    hangs: bool,
) -> Option<h2::SendStream<Bytes>> {
    for head in &answer.interim {
        respond.send_informational(head.to_response()?).ok()?;
    }
    let ends = answer.is_whole && !hangs;
    let is_empty = answer.body.is_empty();
    let mut stream = respond.send_response(answer.head.to_response()?, is_empty && ends).ok()?;
    if !is_empty {
        stream.send_data(Bytes::copy_from_slice(&answer.body), ends).ok()?;
    }
    if ends { None } else { Some(stream) }
}
