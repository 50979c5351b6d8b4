//! The continuation after an answer: the next request, the end of the connection, or another protocol.

use upshift_record::{ExchangeEnd, RecordedField, RecordedRequest, RecordedResponse};

use crate::lenient_http1::SentResponses;
use crate::mock::scenario::{Answer, ChosenStep, Then};

/// The continuation: as the step says, or else as the messages themselves imply.
pub(super) fn follow_up(
    chosen: &ChosenStep,
    sent: &SentResponses,
    request: &RecordedRequest,
) -> Then {
    if let Some(then) = chosen.then() {
        return then;
    }
    if let Some(step) = &chosen.step
        && matches!(step.answer(), Answer::StreamError(_))
    {
        return Then::Reset;
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

/// The end of an exchange, as far as it is known after the answer.
pub(super) fn end_of(then: Then, has_whole_response: bool) -> Option<ExchangeEnd> {
    if has_whole_response {
        return Some(ExchangeEnd::Complete);
    }
    match then {
        Then::Websocket | Then::Echo => Some(ExchangeEnd::Complete),
        Then::Reset => Some(ExchangeEnd::Reset),
        Then::Close | Then::HalfClose => Some(ExchangeEnd::Closed),
        Then::Hang | Then::Keep | Then::H2c | Then::Tls => None,
    }
}
