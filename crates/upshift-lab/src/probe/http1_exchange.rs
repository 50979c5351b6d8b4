//! One exchange over HTTP/1: exact octets out, a strict reader in.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use upshift_http1::{
    ClientConnection, Field, FieldTable, Framing, Limits, RequestStart, ResponseEvent,
    ResponseHead, Version,
};
use upshift_record::{
    ExchangeEnd, RecordedBody, RecordedExchange, RecordedField, RecordedResponse,
};

use super::http1_request::Http1Request;
use super::inquiry::Failure;
use super::loose_head::read_loosely;
use super::prober::ByteStream;

/// The state of a connection after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterResponse {
    /// The final response is complete, or its body was cut at the limit.
    Answered,
    /// The connection was switched to another protocol.
    Switched,
}

/// The reader of the responses to one request.
pub(super) struct Http1Exchange {
    codec: ClientConnection,
    /// Octets that were received and not yet consumed. After a switch, they belong to the other
    /// protocol.
    pub(super) received: Vec<u8>,
    ended: bool,
    content_limit: usize,
}

impl Http1Exchange {
    /// Sends a request, and records it.
    pub(super) async fn send(
        stream: &mut impl ByteStream,
        request: &Http1Request,
        record: &mut RecordedExchange,
    ) -> Result<Self, Failure> {
        record.request = Some(request.to_record());
        let exchange = Self::awaiting(request)?;
        let sent = send_octets(stream, &request.to_bytes()).await;
        match sent {
            // A server that refuses content may close before it has read it (RFC 9110 §10.1.1). Its
            // answer is read all the same.
            Err(_) if !request.content.is_empty() => Ok(exchange),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(exchange),
        }
    }

    /// The reader of the responses to a request that was sent already.
    pub(super) fn awaiting(request: &Http1Request) -> Result<Self, Failure> {
        Ok(Self {
            codec: codec_awaiting(request)?,
            received: Vec::new(),
            ended: false,
            content_limit: request.content_limit,
        })
    }

    /// Reads all responses up to the final one, or to a switch, into the record.
    pub(super) async fn read_responses(
        &mut self,
        stream: &mut impl ByteStream,
        record: &mut RecordedExchange,
    ) -> Result<AfterResponse, Failure> {
        loop {
            let step = self.codec.receive(&self.received, self.ended);
            match step.event {
                ResponseEvent::NeedMore => {
                    self.receive_more(stream).await?;
                    continue;
                }
                ResponseEvent::Interim(head) => {
                    record.interim.push(recorded_head(&head, &self.received));
                }
                ResponseEvent::Head(head) if head.status() == 101 => {
                    record.interim.push(recorded_head(&head, &self.received));
                }
                ResponseEvent::Head(head) => {
                    record.response = Some(recorded_response(&head, &self.received));
                }
                ResponseEvent::Data(range) => {
                    if add_content(record, &self.received[range], self.content_limit) {
                        return Ok(AfterResponse::Answered);
                    }
                }
                ResponseEvent::Trailers(table) => add_trailers(record, &table, &self.received),
                ResponseEvent::End if self.codec.wants() != upshift_http1::Wants::Switch => {
                    record.end = Some(ExchangeEnd::Complete);
                    return Ok(AfterResponse::Answered);
                }
                ResponseEvent::End => {}
                ResponseEvent::Switched => return Ok(AfterResponse::Switched),
                // The codec expects no content, so a response never ends before it.
                ResponseEvent::Paused | ResponseEvent::Closed => {
                    return Ok(AfterResponse::Answered);
                }
                ResponseEvent::Fault(fault) => {
                    self.record_loosely(record);
                    return Err(self.fault_failure(fault));
                }
            }
            self.received.drain(..step.consumed);
        }
    }

    async fn receive_more(&mut self, stream: &mut impl ByteStream) -> Result<(), Failure> {
        let mut buffer = [0; 16 * 1024];
        let length = match stream.read(&mut buffer).await {
            Ok(length) => length,
            // Over TLS, many servers close without close_notify; the framing shows if that matters.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(error.into()),
        };
        self.received.extend_from_slice(&buffer[..length]);
        self.ended |= length == 0;
        Ok(())
    }

    /// Keeps a head that the codec does not accept for the report.
    fn record_loosely(&self, record: &mut RecordedExchange) {
        if record.response.is_some() {
            return;
        }
        let Some(response) = read_loosely(&self.received) else { return };
        if response.status == 101 {
            record.interim.push(response);
        } else {
            record.response = Some(response);
        }
    }

    fn fault_failure(&self, fault: upshift_http1::Fault) -> Failure {
        use upshift_http1::FaultClass;
        match fault.class {
            FaultClass::NoResponse => Failure::closed("the server closed without a response"),
            FaultClass::HeadCutShort | FaultClass::BodyCutShort => {
                Failure::closed(fault.class.as_str())
            }
            FaultClass::StatusLine if self.received.starts_with(&[0x15, 3]) => {
                Failure::malformed("the port speaks TLS")
            }
            _ => Failure::malformed(fault.to_string()),
        }
    }
}

async fn send_octets(stream: &mut impl ByteStream, octets: &[u8]) -> std::io::Result<()> {
    stream.write_all(octets).await?;
    stream.flush().await
}

/// A codec that has sent this request. What it writes is dropped: our own octets go out.
fn codec_awaiting(request: &Http1Request) -> Result<ClientConnection, Failure> {
    let limits = Limits { head_bytes: 65_535, fields: 500, ..Limits::default() };
    let mut codec = ClientConnection::new(limits);
    let version = if request.version == "1.0" { Version::Http10 } else { Version::Http11 };
    let start = RequestStart {
        method: request.method.as_bytes(),
        target: request.target.as_bytes(),
        version,
    };
    let mut fields = vec![Field::new(b"Host", b"a")];
    if let Some(offer) = request.value_of("upgrade") {
        fields.push(Field::new(b"Upgrade", offer.as_bytes()));
    }
    let sent = codec.send_request(&mut Vec::new(), start, fields, Framing::None);
    sent.map_err(|error| Failure::malformed(format!("the request cannot be sent: {error}")))?;
    Ok(codec)
}

/// Adds content to the final response. Returns true when the limit is reached.
pub(super) fn add_content(record: &mut RecordedExchange, content: &[u8], limit: usize) -> bool {
    let Some(response) = &mut record.response else { return false };
    let declared = declared_length(response);
    let body = response.body.get_or_insert_default();
    let room = limit.saturating_sub(body.octets.len());
    body.octets.extend_from_slice(&content[..content.len().min(room)]);
    if content.len() <= room {
        return false;
    }
    let seen = (limit + content.len() - room) as u64;
    body.cut_from = Some(declared.unwrap_or(seen));
    true
}

fn declared_length(response: &RecordedResponse) -> Option<u64> {
    let RecordedField(_, value) = response
        .fields
        .iter()
        .find(|RecordedField(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    value.to_text().parse().ok()
}

fn recorded_response(head: &ResponseHead, bytes: &[u8]) -> RecordedResponse {
    let mut response = recorded_head(head, bytes);
    if head.framing() != Framing::None {
        response.body = Some(RecordedBody::default());
    }
    response
}

fn recorded_head(head: &ResponseHead, bytes: &[u8]) -> RecordedResponse {
    let reason = head.reason(bytes);
    let version = match head.version() {
        Version::Http10 => "1.0",
        Version::Http11 => "1.1",
    };
    RecordedResponse {
        status: head.status(),
        version: version.to_owned(),
        reason: if reason.is_empty() { None } else { Some(reason.into()) },
        fields: recorded_table(head.fields(), bytes),
        body: None,
        trailers: Vec::new(),
    }
}

fn add_trailers(record: &mut RecordedExchange, table: &FieldTable, bytes: &[u8]) {
    if let Some(response) = &mut record.response {
        response.trailers.extend(recorded_table(table, bytes));
    }
}

fn recorded_table(table: &FieldTable, bytes: &[u8]) -> Vec<RecordedField> {
    let mut fields = Vec::new();
    for field in table.iter(bytes) {
        fields.push(RecordedField(field.name().into(), field.value().into()));
    }
    fields
}
