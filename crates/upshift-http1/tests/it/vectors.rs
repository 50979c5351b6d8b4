//! The conformance vectors of the kinds `request`, `response` and `sent`. Each is run whole, byte
//! by byte, and in every split of two.

use conformance::{ReadRequestsCase, ReadResponsesCase, SentCase, message_bytes};
use upshift_http1::{
    ClientConnection, Field, Framing, Limits, RequestStart, ResponseStart, SendError,
    ServerConnection, Version, Wants,
};

use crate::client_run::ClientRun;
use crate::gateway_run::{forward_requests, forward_responses};
use crate::server_run::ServerRun;
use crate::transcript::{Transcript, text_of};

/// The length up to which every split is tried.
const EVERY_SPLIT: usize = 1000;

/// The number of splits of longer inputs.
const SOME_SPLITS: usize = 8;

#[test]
fn requests_are_read_as_the_vectors_say() {
    let mut wrong = Vec::new();
    for (file, vectors) in conformance::load_vectors().unwrap() {
        for case in &vectors.requests {
            for fault in request_faults(case) {
                wrong.push(format!("{}: {}: {fault}", file.display(), case.title));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn responses_are_read_as_the_vectors_say() {
    let mut wrong = Vec::new();
    for (file, vectors) in conformance::load_vectors().unwrap() {
        for case in &vectors.responses {
            for fault in response_faults(case) {
                wrong.push(format!("{}: {}: {fault}", file.display(), case.title));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn messages_are_sent_as_the_vectors_say() {
    let mut wrong = Vec::new();
    for (file, vectors) in conformance::load_vectors().unwrap() {
        for case in &vectors.sent {
            let sent = send(case).map(|bytes| text_of(&bytes));
            if sent.as_ref().ok() != case.sends.as_ref() {
                wrong.push(format!("{}: {}: {sent:?}", file.display(), case.title));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn request_faults(case: &ReadRequestsCase) -> Vec<String> {
    let bytes = message_bytes(&case.send, case.repeats);
    let run = ServerRun {
        respond: case.respond,
        early: case.early,
        ends: case.ends,
        ..ServerRun::default()
    };
    let whole = run.serve(&[&bytes]);
    let mut faults = differences(&whole, &case.reads, &case.trailers, case.fault.as_deref());
    let status = whole.fault.and_then(|fault| fault.status());
    check(&mut faults, "status", &status, &case.status);
    check(&mut faults, "rest", &whole.rest.as_deref().map(text_of), &case.rest);
    let has_closed = matches!(whole.wants, Wants::Close | Wants::Linger);
    if case.closes.is_some_and(|closes| closes != has_closed) {
        faults.push(format!("wants {:?}", whole.wants));
    }
    if let Some(answers) = &case.answers {
        check(&mut faults, "answers", &text_of(&whole.sent), answers);
    }
    if let Some(forwards) = &case.forwards {
        check(&mut faults, "forwards", &text_of(&forward_requests(&bytes, case.ends)), forwards);
    }
    faults.extend(division_faults(&bytes, &whole, |pieces| run.serve(pieces)));
    faults
}

fn response_faults(case: &ReadResponsesCase) -> Vec<String> {
    let bytes = message_bytes(&case.send, case.repeats);
    let run = ClientRun {
        limits: Limits::default(),
        method: case.request.clone(),
        offers: case.offers,
        unsent: case.unsent,
        ends: case.ends,
    };
    let whole = run.read(&[&bytes]);
    let mut faults = differences(&whole, &case.reads, &case.trailers, case.fault.as_deref());
    check(&mut faults, "rest", &whole.rest.as_deref().map(text_of), &case.rest);
    if case.reusable.is_some_and(|reusable| reusable != (whole.wants == Wants::Idle)) {
        faults.push(format!("wants {:?}", whole.wants));
    }
    if let Some(forwards) = &case.forwards {
        check(&mut faults, "forwards", &text_of(&forward_responses(&run, &bytes)), forwards);
    }
    faults.extend(division_faults(&bytes, &whole, |pieces| run.read(pieces)));
    faults
}

fn differences(
    whole: &Transcript,
    reads: &[String],
    trailers: &[String],
    fault: Option<&str>,
) -> Vec<String> {
    let mut faults = Vec::new();
    check(&mut faults, "reads", &whole.messages.as_slice(), &reads);
    if !trailers.is_empty() {
        check(&mut faults, "trailers", &whole.trailers.as_slice(), &trailers);
    }
    check(&mut faults, "fault", &whole.fault.map(|fault| fault.class.name()), &fault);
    faults
}

fn check<T: std::fmt::Debug + PartialEq>(
    faults: &mut Vec<String>,
    what: &str,
    have: &T,
    wanted: &T,
) {
    if have != wanted {
        faults.push(format!("{what} is {have:?}, wanted {wanted:?}"));
    }
}

/// The divisions of the bytes that do not give the same as the whole.
fn division_faults(
    bytes: &[u8],
    whole: &Transcript,
    run: impl Fn(&[&[u8]]) -> Transcript,
) -> Vec<String> {
    let mut faults = Vec::new();
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    if !single.is_empty() && run(&single) != *whole {
        faults.push(format!("byte by byte: {}", describe(&run(&single))));
    }
    let step = match bytes.len() {
        ..=EVERY_SPLIT => 1,
        longer => longer / SOME_SPLITS,
    };
    // Not at the end: with the last piece, the end of the connection comes, which a response may
    // say.
    for place in (0..bytes.len()).step_by(step) {
        let (first, second) = bytes.split_at(place);
        let divided = run(&[first, second]);
        if divided != *whole {
            faults.push(format!("split at {place}: {}", describe(&divided)));
            break;
        }
    }
    faults
}

/// Sends the message of a case.
fn send(case: &SentCase) -> Result<Vec<u8>, SendError> {
    let fields = fields_of(&case.fields);
    let trailers = fields_of(&case.trailers);
    let (framing, content) = framing_of(&case.framing);
    let (first, second) = case.start.split_once(' ').unwrap();
    let mut out = Vec::new();
    let Some(request) = &case.to else {
        let mut client = ClientConnection::new(Limits::default());
        let version = if case.http == "1.0" { Version::Http10 } else { Version::Http11 };
        let start = RequestStart { method: first.as_bytes(), target: second.as_bytes(), version };
        client.send_request(&mut out, start, fields, framing)?;
        if !content.is_empty() {
            let frame = client.send_content(content.len())?;
            out.extend([frame.prefix(), content, frame.suffix()].concat());
        }
        client.finish_request(&mut out, trailers)?;
        return Ok(out);
    };
    let mut server = ServerConnection::new(Limits::default());
    let received = message_bytes(request, 1);
    server.receive(&received, false);
    let start = ResponseStart { status: first.parse().unwrap(), reason: second.as_bytes() };
    server.send_response(&mut out, start, fields, framing)?;
    if !content.is_empty() {
        let frame = server.send_content(content.len())?;
        out.extend([frame.prefix(), content, frame.suffix()].concat());
    }
    server.finish_response(&mut out, trailers)?;
    Ok(out)
}

fn fields_of(pairs: &[(String, String)]) -> Vec<Field<'_>> {
    pairs.iter().map(|(name, value)| Field::new(name.as_bytes(), value.as_bytes())).collect()
}

/// The framing that a case names, and the content.
fn framing_of(text: &str) -> (Framing, &[u8]) {
    match text.split_once(": ") {
        Some(("length", content)) => (Framing::Length(content.len() as u64), content.as_bytes()),
        Some(("chunked", content)) => (Framing::Chunked, content.as_bytes()),
        _ if text == "none" => (Framing::None, b""),
        _ if text == "until close" => (Framing::UntilClose, b""),
        _ => panic!("no framing is called {text:?}"),
    }
}

/// The transcript in short.
fn describe(transcript: &Transcript) -> String {
    let fault = transcript.fault.map_or("none", |fault| fault.class.name());
    format!("{:?}, fault {fault}, {}", transcript.messages, text_of(&transcript.sent))
}
