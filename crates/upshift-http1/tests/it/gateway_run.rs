//! A gateway made of both sides of the codec. It holds each message back until its end, so its
//! output does not depend on how the input was divided.

use std::collections::BTreeSet;

use upshift_http1::{
    ClientConnection, Field, FieldId, FieldTable, Framing, Limits, RequestEvent, RequestHead,
    RequestStart, ResponseEvent, ResponseHead, ResponseStart, ServerConnection, Version,
};

use crate::client_run::ClientRun;

/// A message that is held back.
struct Held<H> {
    head: H,
    bytes: Vec<u8>,
    content: Vec<u8>,
    trailers: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<H> Held<H> {
    fn new(head: H, bytes: &[u8]) -> Self {
        Self { head, bytes: bytes.to_vec(), content: Vec::new(), trailers: Vec::new() }
    }

    fn keep_trailers(&mut self, table: &FieldTable, bytes: &[u8]) {
        for field in table.iter(bytes) {
            self.trailers.push((field.name().to_vec(), field.value().to_vec()));
        }
    }
}

/// The fields of a head that cross a hop.
fn end_to_end<'b>(table: &'b FieldTable, bytes: &'b [u8], keeps_upgrade: bool) -> Vec<Field<'b>> {
    let mut nominated = BTreeSet::new();
    for line in table.values_of(FieldId::Connection, bytes) {
        for option in line.split(|byte| *byte == b',') {
            nominated.insert(option.trim_ascii().to_ascii_lowercase());
        }
    }
    let mut kept = Vec::new();
    for field in table.iter(bytes) {
        let is_hop_by_hop = match field.id() {
            FieldId::Connection | FieldId::KeepAlive | FieldId::ProxyConnection | FieldId::Te => {
                true
            }
            FieldId::Upgrade => !keeps_upgrade,
            _ => nominated.contains(&field.name().to_ascii_lowercase()),
        };
        if !is_hop_by_hop {
            kept.push(field);
        }
    }
    kept
}

/// The bytes that a gateway sends for all requests on a connection.
pub(crate) fn forward_requests(received: &[u8], ended: bool) -> Vec<u8> {
    let mut connection = ServerConnection::new(Limits::default());
    let mut buffer = received.to_vec();
    let mut held: Option<Held<RequestHead>> = None;
    let mut out = Vec::new();
    loop {
        let step = connection.receive(&buffer, ended);
        match step.event {
            RequestEvent::Head(head) => held = Some(Held::new(head, &buffer[..step.consumed])),
            RequestEvent::Data(range) => {
                held.as_mut().unwrap().content.extend_from_slice(&buffer[range]);
            }
            RequestEvent::Trailers(table) => held.as_mut().unwrap().keep_trailers(&table, &buffer),
            RequestEvent::End => {}
            RequestEvent::Paused => {
                send_request(&mut out, &held.take().unwrap());
                let start = ResponseStart { status: 200, reason: b"" };
                connection.send_response(&mut Vec::new(), start, [], Framing::None).unwrap();
            }
            _ => return out,
        }
        buffer.drain(..step.consumed);
    }
}

fn send_request(out: &mut Vec<u8>, held: &Held<RequestHead>) {
    let (head, bytes) = (&held.head, held.bytes.as_slice());
    let mut client = ClientConnection::new(Limits::default());
    let start = RequestStart {
        method: head.method(bytes),
        target: head.target(bytes),
        version: Version::Http11,
    };
    let authority = head.authority(bytes).unwrap_or_default();
    let mut fields = Vec::new();
    for field in end_to_end(head.fields(), bytes, false) {
        match field.id() {
            FieldId::Host => fields.push(Field::new(field.name(), authority)),
            _ => fields.push(field),
        }
    }
    if !head.fields().contains(FieldId::Host) {
        fields.push(Field::new(b"Host", authority));
    }
    client.send_request(out, start, fields, head.framing()).unwrap();
    if !held.content.is_empty() {
        let frame = client.send_content(held.content.len()).unwrap();
        for part in [frame.prefix(), &held.content, frame.suffix()] {
            out.extend_from_slice(part);
        }
    }
    client.finish_request(out, trailers_of(held)).unwrap();
}

fn trailers_of<H>(held: &Held<H>) -> impl Iterator<Item = Field<'_>> {
    held.trailers.iter().map(|(name, value)| Field::new(name, value))
}

/// The bytes that a gateway sends to a client for the responses to its request, which was that of
/// `run`.
pub(crate) fn forward_responses(run: &ClientRun, received: &[u8]) -> Vec<u8> {
    let mut request = Vec::new();
    let mut upstream = run.ask(&mut request);
    let mut downstream = ServerConnection::new(Limits::default());
    let length = downstream.receive(&request, false).consumed;
    downstream.receive(&request[length..], false);
    let mut buffer = received.to_vec();
    let mut held: Option<Held<ResponseHead>> = None;
    let mut out = Vec::new();
    loop {
        let step = upstream.receive(&buffer, run.ends);
        match step.event {
            ResponseEvent::Interim(head) => {
                let bytes = &buffer[..step.consumed];
                let start =
                    ResponseStart { status: head.status(), reason: reason_of(&head, bytes) };
                let fields = end_to_end(head.fields(), bytes, false);
                downstream.send_interim(&mut out, start, fields).unwrap();
            }
            ResponseEvent::Head(head) => held = Some(Held::new(head, &buffer[..step.consumed])),
            ResponseEvent::Data(range) => {
                held.as_mut().unwrap().content.extend_from_slice(&buffer[range]);
            }
            ResponseEvent::Trailers(table) => held.as_mut().unwrap().keep_trailers(&table, &buffer),
            ResponseEvent::End => {
                let complete = held.take().unwrap();
                send_response(&mut downstream, &mut out, &complete);
                downstream.finish_response(&mut out, trailers_of(&complete)).unwrap();
            }
            ResponseEvent::Fault(_) => {
                if let Some(incomplete) = held {
                    send_response(&mut downstream, &mut out, &incomplete);
                    downstream.break_off();
                }
                return out;
            }
            _ => return out,
        }
        buffer.drain(..step.consumed);
    }
}

/// The reason phrase, without the space before it.
fn reason_of<'b>(head: &ResponseHead, bytes: &'b [u8]) -> &'b [u8] {
    head.reason(bytes)
}

fn send_response(downstream: &mut ServerConnection, out: &mut Vec<u8>, held: &Held<ResponseHead>) {
    let (head, bytes) = (&held.head, held.bytes.as_slice());
    let start = ResponseStart { status: head.status(), reason: reason_of(head, bytes) };
    let framing = match (head.framing(), head.declared_length()) {
        // A length that is not known beforehand becomes chunks, so that the connection persists.
        (Framing::UntilClose, _) => Framing::Chunked,
        (Framing::None, Some(length)) => Framing::Length(length),
        (framing, _) => framing,
    };
    let fields = end_to_end(head.fields(), bytes, head.framing() == Framing::Tunnel);
    downstream.send_response(out, start, fields, framing).unwrap();
    if !held.content.is_empty() {
        let frame = downstream.send_content(held.content.len()).unwrap();
        for part in [frame.prefix(), &held.content, frame.suffix()] {
            out.extend_from_slice(part);
        }
    }
}
