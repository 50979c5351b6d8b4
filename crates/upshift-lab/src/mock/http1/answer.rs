//! Answers: their octets, the faults on the way, and what follows.

use http::StatusCode;
use tokio::io::AsyncWriteExt;
use upshift_record::{ExchangeEnd, RecordedField, RecordedRequest, RecordedResponse};

use crate::lenient_http1::{SentResponses, read_responses};
use crate::mock::connection::{ConnectionContext, Next, PendingRequest};
use crate::mock::peer_stream::PeerStream;
use crate::mock::scenario::{Answer, Origin, Placeholders, Step, Then, no_step_body};

/// Sends the answer of the step that fits, or a 404. Returns the stream and the request if the
/// connection stays open for another one.
pub(super) async fn send_answer(
    context: &ConnectionContext,
    mut stream: PeerStream,
    mut pending: PendingRequest,
    origin: Origin,
) -> Result<(PeerStream, PendingRequest), Next> {
    let placeholders = context.placeholders(&pending.request);
    let (number, step) = match pending.choose_step(context, origin) {
        Some((number, step)) => (Some(number), Some(step.clone())),
        None => (None, None),
    };
    let mut octets = match &step {
        Some(step) => render_step(step, &placeholders, &pending.request),
        None => render_no_step(pending.scenario_name()),
    };
    if let Some(cut) = step.as_ref().and_then(|step| step.fault.cut) {
        octets.truncate(cut);
    }
    let sent = read_responses(&octets);
    let then = follow_up(step.as_ref(), &sent, &pending.request);
    if let Some(step) = &step {
        octets.extend_from_slice(step.fault.early());
        context.wait(step.fault.delay()).await.ok_or(Next::Over)?;
    }
    let written = match &step {
        Some(step) => write_with_faults(context, &mut stream, step, &octets).await,
        None => stream.write_all(&octets).await.ok(),
    };
    pending.exchange.interim.extend(sent.interim);
    pending.exchange.response = sent.last;
    pending.exchange.end = end_of(then, &pending.exchange.response, step.as_ref());
    pending.record_answer(context, number, then);
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

fn render_step(step: &Step, placeholders: &Placeholders, request: &RecordedRequest) -> Vec<u8> {
    match step.answer() {
        Answer::Text(text, raw) => placeholders.render(text, raw),
        Answer::Message { interim, status, fields, body } => {
            let mut octets = Vec::new();
            for one in interim {
                put_head(&mut octets, one.status.0, &one.fields, placeholders);
                octets.extend_from_slice(b"\r\n");
            }
            let body = placeholders.fill(body);
            put_head(&mut octets, status, fields, placeholders);
            // RFC 9110 §8.6: none in a 1xx or 204.
            if status >= 200 && status != 204 {
                octets.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
            }
            octets.extend_from_slice(b"\r\n");
            // RFC 9110 §9.3.2: the response to HEAD has no content.
            if request.method.as_bytes() != b"HEAD" {
                octets.extend_from_slice(body.as_bytes());
            }
            octets
        }
        Answer::StreamError(_) | Answer::Nothing => Vec::new(),
    }
}

fn put_head(
    octets: &mut Vec<u8>,
    status: u16,
    fields: &[(String, String)],
    placeholders: &Placeholders,
) {
    let reason = match StatusCode::from_u16(status) {
        Ok(known) => known.canonical_reason().unwrap_or_default(),
        Err(_) => "",
    };
    octets.extend_from_slice(format!("HTTP/1.1 {status} {reason}\r\n").as_bytes());
    for (name, value) in fields {
        octets.extend_from_slice(format!("{name}: {}\r\n", placeholders.fill(value)).as_bytes());
    }
}

fn render_no_step(scenario: &str) -> Vec<u8> {
    let body = no_step_body(scenario);
    let head = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
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

/// What follows: as the step says, or else what the messages themselves say.
fn follow_up(step: Option<&Step>, sent: &SentResponses, request: &RecordedRequest) -> Then {
    if let Some(step) = step {
        if let Some(then) = step.then {
            return then;
        }
        if matches!(step.answer(), Answer::StreamError(_)) {
            return Then::Reset;
        }
    }
    match &sent.last {
        None => Then::Hang,
        Some(response) if closes_connection(response, request) => Then::Close,
        Some(_) => Then::Keep,
    }
}

/// Returns true if the connection does not persist after this response (RFC 9112 §9.3).
fn closes_connection(response: &RecordedResponse, request: &RecordedRequest) -> bool {
    let has_end = lists(&response.fields, "Transfer-Encoding", "chunked")
        || response.fields.iter().any(|field| field.0.eq_ignore_ascii_case("Content-Length"))
        || matches!(response.status, 204 | 304)
        || request.method.as_bytes() == b"HEAD";
    let is_old = matches!(request.version.as_str(), "0.9" | "1.0");
    let asks_close = lists(&request.fields, "Connection", "close")
        || (is_old && !lists(&request.fields, "Connection", "keep-alive"));
    !has_end || asks_close || lists(&response.fields, "Connection", "close")
}

fn lists(fields: &[RecordedField], name: &str, member: &str) -> bool {
    for field in fields {
        if !field.0.eq_ignore_ascii_case(name) {
            continue;
        }
        for element in field.1.as_bytes().split(|octet| *octet == b',') {
            if element.trim_ascii().eq_ignore_ascii_case(member.as_bytes()) {
                return true;
            }
        }
    }
    false
}

fn end_of(
    then: Then,
    response: &Option<RecordedResponse>,
    step: Option<&Step>,
) -> Option<ExchangeEnd> {
    let is_cut = step.is_some_and(|step| step.fault.cut.is_some());
    if response.is_some() && !is_cut {
        return Some(ExchangeEnd::Complete);
    }
    match then {
        Then::Websocket | Then::Echo => Some(ExchangeEnd::Complete),
        Then::Reset => Some(ExchangeEnd::Reset),
        Then::Close | Then::HalfClose => Some(ExchangeEnd::Closed),
        Then::Hang | Then::Keep | Then::H2c | Then::Tls => None,
    }
}
