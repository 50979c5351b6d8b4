//! Answers: what is sent, the faults on the way, and the record of them.

use tokio::io::AsyncWriteExt;

use super::follow_up::{end_of, follow_up};
use super::rendering::{render_no_step, render_step};
use crate::lenient_http1::{SentResponses, read_responses};
use crate::mock::connection_context::ConnectionContext;
use crate::mock::next::Next;
use crate::mock::peer_stream::PeerStream;
use crate::mock::pending_request::PendingRequest;
use crate::mock::scenario::{ChosenStep, Origin, Step, Then};

/// An answer that is ready to be sent.
struct PreparedAnswer {
    chosen: ChosenStep,
    octets: Vec<u8>,
    /// The responses in the octets.
    responses: SentResponses,
    then: Then,
}

/// Sends the answer of the step that fits, or a 404. Returns the stream and the request if the
/// connection stays open for another one.
pub(super) async fn send_answer(
    context: &ConnectionContext,
    mut stream: PeerStream,
    mut pending: PendingRequest,
    origin: Origin,
) -> Result<(PeerStream, PendingRequest), Next> {
    let answer = prepare_answer(context, &pending, origin);
    context.wait(answer.chosen.delay()).await.ok_or(Next::Over)?;
    let written = match &answer.chosen.step {
        Some(step) => write_with_faults(context, &mut stream, step, &answer.octets).await,
        None => stream.write_all(&answer.octets).await.ok(),
    };
    let then = answer.then;
    record_answer(context, &mut pending, answer);
    written.ok_or(Next::Over)?;
    match then {
        Then::Keep => Ok((stream, pending)),
        Then::Close => Err(Next::Close(stream)),
        Then::Reset => Err(Next::Reset(stream)),
        Then::Hang => Err(Next::Hang(stream)),
        Then::HalfClose => {
            // If the client is gone, the read that follows ends at once.
            let _ = stream.shutdown().await;
            Err(Next::Hang(stream))
        }
        Then::H2c => Err(Next::Http2(stream, Some(pending))),
        Then::Tls => Err(Next::Tls(stream, pending)),
        Then::Websocket => Err(Next::WebSocket(stream)),
        Then::Echo => Err(Next::Echo(stream)),
    }
}

fn prepare_answer(
    context: &ConnectionContext,
    pending: &PendingRequest,
    origin: Origin,
) -> PreparedAnswer {
    let request = &pending.request;
    let chosen = pending.choose_step(context, origin);
    let mut octets = match &chosen.step {
        Some(step) => render_step(step, &context.placeholders(request), request),
        None => render_no_step(pending.scenario_name()),
    };
    if let Some(cut) = chosen.step.as_ref().and_then(|step| step.fault.cut) {
        octets.truncate(cut);
    }
    let responses = read_responses(&octets);
    let then = follow_up(&chosen, &responses, request);
    if let Some(step) = &chosen.step {
        octets.extend_from_slice(step.fault.early());
    }
    PreparedAnswer { chosen, octets, responses, then }
}

fn record_answer(
    context: &ConnectionContext,
    pending: &mut PendingRequest,
    answer: PreparedAnswer,
) {
    pending.exchange.interim.extend(answer.responses.interim);
    pending.exchange.response = answer.responses.last;
    let is_whole = pending.exchange.response.is_some() && !answer.chosen.is_cut();
    pending.exchange.end = end_of(answer.then, is_whole);
    pending.record_answer(context, answer.chosen.number, answer.then);
}

/// Writes the answer as the faults of the step have it.
async fn write_with_faults(
    context: &ConnectionContext,
    stream: &mut PeerStream,
    step: &Step,
    octets: &[u8],
) -> Option<()> {
    let faults = &step.fault;
    if let Some(size) = faults.split {
        stream.limit_writes(size);
    }
    if faults.join {
        stream.hold(octets);
        return Some(());
    }
    let size = match faults.split {
        Some(size) if !faults.pause().is_zero() => size,
        _ => octets.len().max(1),
    };
    for (place, part) in octets.chunks(size).enumerate() {
        if place > 0 {
            context.wait(faults.pause()).await?;
        }
        stream.write_all(part).await.ok()?;
    }
    stream.flush().await.ok()
}
