//! Sends a response: its head, then its content as it arrives.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{Response, StatusCode, response};
use http_body::Body as _;
use upshift_http::connection_has_option;
use upshift_http1::{Field, FieldId, Framing, ResponseStart};

use super::content_state::ContentState;
use super::date::current_date;
use super::wire::{ClientWire, SharedWire, flush};
use crate::fields::header_map::keep_map;
use crate::fields::names::{KeptNames, ReceivedNames, fields_of};
use crate::response_body::ResponseBody;
use crate::telemetry::disconnect::DisconnectReason;

/// Queues the head of the response to the current request. Returns the content, if any follows.
pub(super) fn begin_response(
    wire: &SharedWire,
    response: Response<ResponseBody>,
    lines: &str,
    is_head: bool,
) -> Result<Option<ResponseBody>, DisconnectReason> {
    let (parts, mut body) = response.into_parts();
    let framing = framing_of(&parts, &body, is_head);
    let names = body.take_names();
    let received = KeptNames::received(names.as_deref());
    let has_content = wire.borrow_mut().begin_response(&parts, lines, received, framing)?;
    // Both share the bytes of the upstream's head.
    drop(names);
    keep_map(parts.headers);
    Ok(if has_content { Some(body) } else { None })
}

/// Waits until all of the content is queued. The end of it may be flushed with the next response.
pub(super) async fn send_content(
    wire: &SharedWire,
    content: &mut ResponseBody,
) -> Result<(), DisconnectReason> {
    let sent = poll_fn(|cx| poll_send(wire, content, cx)).await;
    if sent == Err(DisconnectReason::BodyAborted) {
        // RFC 9112 §8: the client must see that the response is incomplete, so the part that
        // arrived is sent without the end of its framing.
        flush(wire).await?;
    }
    sent
}

/// The framing of the content that follows, or that a GET would have got.
fn framing_of(parts: &response::Parts, body: &ResponseBody, is_head: bool) -> Framing {
    let exact = body.size_hint().exact();
    if is_head || parts.status == StatusCode::NOT_MODIFIED {
        // RFC 9110 §8.6: the length that the content would have for a GET, if it is known.
        let own = if body.is_end_stream() { None } else { exact };
        return match declared_length(&parts.headers).or(own) {
            Some(length) => Framing::Length(length),
            None => Framing::None,
        };
    }
    match exact {
        Some(length) => Framing::Length(length),
        None => Framing::Chunked,
    }
}

/// The length in the fields, which the gateway has checked or set.
fn declared_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// Queues content until its end, as fast as the client reads it.
fn poll_send(
    wire: &SharedWire,
    body: &mut ResponseBody,
    cx: &mut Context<'_>,
) -> Poll<Result<(), DisconnectReason>> {
    loop {
        if wire.borrow().has_full_output() {
            let flushed = ready!(wire.borrow_mut().poll_flush(cx));
            flushed.map_err(|_| DisconnectReason::Io)?;
        }
        let frame = match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(_))) => {
                wire.borrow_mut().break_response();
                return Poll::Ready(Err(DisconnectReason::BodyAborted));
            }
            Poll::Ready(None) => {
                return Poll::Ready(wire.borrow_mut().finish_response(&HeaderMap::new(), None));
            }
            Poll::Pending => {
                // Send the content that has arrived; the rest may take a while.
                return match wire.borrow_mut().poll_flush(cx) {
                    Poll::Ready(Err(_)) => Poll::Ready(Err(DisconnectReason::Io)),
                    _ => Poll::Pending,
                };
            }
        };
        match frame.into_data() {
            Ok(data) => {
                wire.borrow_mut().send_content(data)?;
                if body.is_end_stream() {
                    return Poll::Ready(wire.borrow_mut().finish_response(&HeaderMap::new(), None));
                }
            }
            Err(other) => {
                if let Ok(trailers) = other.into_trailers() {
                    let names = body.take_trailer_names();
                    let finished = wire.borrow_mut().finish_response(&trailers, names.as_deref());
                    return Poll::Ready(finished);
                }
            }
        }
    }
}

/// The response to the current request.
impl ClientWire {
    /// Writes the head. Returns true if content follows.
    fn begin_response(
        &mut self,
        parts: &response::Parts,
        lines: &str,
        names: ReceivedNames<'_>,
        framing: Framing,
    ) -> Result<bool, DisconnectReason> {
        let is_switch = parts.status == StatusCode::SWITCHING_PROTOCOLS;
        if self.is_closing
            || !self.may_keep_alive()
            || connection_has_option(&parts.headers, "close")
        {
            self.codec.finish();
        }
        if self.content == ContentState::InUse {
            // An upstream that responded early may still need the rest of the request.
            self.codec.read_on();
        }
        // A queued 100 is flushed together with the response.
        self.has_interim = false;
        let reason = parts.status.canonical_reason().unwrap_or_default();
        let start = ResponseStart { status: parts.status.as_u16(), reason: reason.as_bytes() };
        let date = match parts.headers.contains_key(header::DATE) {
            true => None,
            false => Some(current_date()),
        };
        let own_date = date.as_ref().map(|date| Field::new(b"Date", date));
        // The codec writes the options of `Connection` itself, except for those of a switch.
        let fields = fields_of(&parts.headers, names)
            .filter(|field| is_switch || field.id() != FieldId::Connection);
        let fields = fields.chain(own_date);
        let (out, lines) = (self.output.end(), lines.as_bytes());
        let effective = self.codec.send_prepared_response(out, start, lines, fields, framing);
        let effective = effective.map_err(|error| {
            tracing::debug!(%error, "a response could not be written");
            DisconnectReason::BodyAborted
        })?;
        self.ends_with_connection = effective == Framing::UntilClose;
        Ok(!matches!(effective, Framing::None | Framing::Length(0) | Framing::Tunnel))
    }

    /// Adds a piece of content.
    fn send_content(&mut self, data: Bytes) -> Result<(), DisconnectReason> {
        if data.is_empty() {
            return Ok(());
        }
        // The upstream's codec has checked that the content is not longer than declared.
        let frame =
            self.codec.send_content(data.len()).map_err(|_| DisconnectReason::BodyAborted)?;
        self.output.end().extend_from_slice(frame.prefix());
        self.output.push_piece(data);
        self.output.end().extend_from_slice(frame.suffix());
        Ok(())
    }

    /// Writes the end of the content.
    fn finish_response(
        &mut self,
        trailers: &HeaderMap,
        names: Option<&KeptNames>,
    ) -> Result<(), DisconnectReason> {
        let fields = fields_of(trailers, KeptNames::received(names));
        let finished = self.codec.finish_response(self.output.end(), fields);
        finished.map_err(|_| DisconnectReason::BodyAborted)
    }
}
