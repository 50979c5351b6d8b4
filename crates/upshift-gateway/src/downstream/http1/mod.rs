//! HTTP/1.0 and HTTP/1.1 on one connection: a driver around the codec of `upshift-http1`.
//!
//! One task drives both sides of an exchange. The exchange is polled where the connection is polled,
//! and the content of its request is read from the connection when the exchange asks for it, so no
//! second task or channel is needed.
//!
//! 1. A response goes out in one write. While complete requests are in the read buffer, responses
//!    are collected, up to a limit (RFC 9112 §9.3.2).
//! 2. An idle connection holds no buffer. The state of an exchange is in a box of its own, which is
//!    freed when the exchange ends.
//! 3. Content that the exchange did not read is discarded if it is short. Otherwise the response says
//!    `close`, and the connection lingers (RFC 9112 §9.3, §9.6).
//! 4. A malformed message is answered after the responses to earlier requests, and nothing after it
//!    is read.

mod connection_end;
mod content;
mod content_reader;
mod content_state;
mod date;
mod exchange;
mod faults;
mod interim;
mod output;
mod request;
mod response;
mod wire;

use std::cell::Cell;
use std::pin::pin;

use bytes::BytesMut;

use self::connection_end::ConnectionEnd;
use self::exchange::answer_request;
use self::wire::{ClientWire, EndedWire, NextMessage, SharedWire, next_message};
use super::codec::drive_codec;
use super::next::Next;
use super::stream::ClientStream;
use crate::exchange::connection::Connection;
use crate::exchange::unread::begin_unread_http1;
use crate::local_reply::LocalReply;
use crate::progress::activity::{ActivityTimeouts, Expired};
use crate::telemetry::disconnect::DisconnectReason;

/// Serves HTTP/1 until the connection ends or switches. `received` has already been read.
pub(super) async fn serve_http1(
    stream: ClientStream,
    received: BytesMut,
    connection: &Connection,
) -> Next {
    let (wire, timeouts) = {
        // In a block, because an idle connection need not hold a copy.
        let limits = connection.core.limits();
        (ClientWire::new(stream, received, &limits), ActivityTimeouts::from(&limits))
    };
    let end = Cell::new(None);
    let mut requests = pin!(async {
        end.set(Some(serve_requests(&wire, connection).await?));
        Ok::<_, DisconnectReason>(())
    });
    let driven = drive_codec(
        requests.as_mut(),
        |_| wire.borrow_mut().begin_shutdown(),
        &connection.activity,
        timeouts,
    );
    let ended = driven.await;
    let Some(ended_wire) = wire.borrow_mut().take_ended() else { return Next::Ended };
    // If a client times out before its first request, the 408 counts it instead.
    if ended_wire.has_served || ended != Err(DisconnectReason::Expired(Expired::Head)) {
        connection.core.count_codec_end(ended);
    }
    next_step(ended_wire, end.take(), ended, connection)
}

/// The step after the last request.
fn next_step(
    wire: EndedWire,
    end: Option<ConnectionEnd>,
    ended: Result<(), DisconnectReason>,
    connection: &Connection,
) -> Next {
    let EndedWire { stream, received, .. } = wire;
    match end {
        Some(ConnectionEnd::Switch(switch)) => Next::Switch(switch, stream, received.freeze()),
        Some(ConnectionEnd::Fault(reply, bytes)) => Next::Reply(stream, reply, bytes),
        Some(ConnectionEnd::WithinHead) => {
            // The client left within the head. Dropping the report records that.
            drop(begin_unread_http1(connection, &received));
            Next::Close(stream)
        }
        // RFC 9112 §9.6: closing with unread content could destroy the response.
        Some(ConnectionEnd::Linger) => Next::Linger(stream),
        Some(ConnectionEnd::Close) => Next::Close(stream),
        None if ended == Err(DisconnectReason::Expired(Expired::Head)) && wire.is_flushed => {
            Next::Reply(stream, LocalReply::HeadTimeout, received.freeze())
        }
        None if ended == Err(DisconnectReason::BodyAborted) && wire.ends_with_connection => {
            // RFC 9112 §8: a normal close would look like the end of the content to the client.
            stream.close_with_reset();
            Next::Ended
        }
        None => Next::Close(stream),
    }
}

/// Serves requests one after the other.
async fn serve_requests(
    wire: &SharedWire,
    connection: &Connection,
) -> Result<ConnectionEnd, DisconnectReason> {
    loop {
        let head = match next_message(wire, &connection.activity).await? {
            NextMessage::Request(head) => head,
            NextMessage::End(end) => return Ok(end),
        };
        // Boxed, so that an idle connection does not reserve the memory of an exchange.
        if let Some(end) = Box::pin(answer_request(wire, connection, head)).await? {
            return Ok(end);
        }
    }
}
