//! HTTP/1.0 and HTTP/1.1 on one connection. hyper is known here and in [`http2`](super::http2)
//! only, so that another codec can take its place.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::codec::drive_codec;
use super::next::Next;
use super::stream::ClientStream;
use crate::body::RequestBody;
use crate::exchange::connection::Connection;
use crate::exchange::serve;
use crate::exchange::switch::Switch;
use crate::exchange::unread::begin_unread_http1;
use crate::local_reply::LocalReply;
use crate::progress::activity::{ActivityTimeouts, Expired};
use crate::telemetry::disconnect::DisconnectReason;

/// Serves HTTP/1 on a stream that has a gate, until the connection ends or switches.
pub(super) async fn serve_http1(stream: ClientStream, connection: &Connection) -> Next {
    let switch = Rc::new(RefCell::new(None));
    let ended = Box::pin(run_codec(stream, connection, Rc::clone(&switch))).await;
    let CodecEnded { stream, early, reply, is_within_head } = ended;
    if let Some(switch) = switch.take() {
        return Next::Switch(switch, stream, early);
    }
    if let Some(reply) = reply {
        return Next::Reply(stream, reply, early);
    }
    if is_within_head {
        // The client left within the head, which the report says when it is dropped.
        drop(begin_unread_http1(connection, &early));
    }
    // RFC 9112 §9.6: the answer to a request that was not read whole is lost if we just close.
    if connection.activity.left_unread() { Next::Linger(stream) } else { Next::Close(stream) }
}

/// A connection whose codec for HTTP/1 has ended.
struct CodecEnded {
    stream: ClientStream,
    /// Bytes that were read and belong to no message.
    early: Bytes,
    /// The fault in the message that ended it.
    reply: Option<LocalReply>,
    /// It ended within the head of a message.
    is_within_head: bool,
}

/// The exchanges of one connection. hyper's services return a response and nothing else, so a
/// switch is left in `switch_slot`.
async fn run_codec(
    mut stream: ClientStream,
    connection: &Connection,
    switch_slot: Rc<RefCell<Option<Switch>>>,
) -> CodecEnded {
    let limits = connection.core.limits();
    stream.defer_shutdown();
    let shared = Rc::new(connection.clone());
    let idle = limits.idle;
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (connection, switch_slot) = (Rc::clone(&shared), Rc::clone(&switch_slot));
        async move {
            let request = RequestBody::from_hyper(request, &connection.activity, idle);
            let served = serve(&connection, request).await;
            if let Some(switch) = served.switch {
                switch_slot.replace(Some(switch));
            }
            Ok::<_, Infallible>(served.response)
        }
    });
    let mut codec = http1::Builder::new()
        // Names compare without case, but not every client and every grep knows that (RFC 9110
        // §5.1).
        .title_case_headers(true)
        .header_read_timeout(None)
        // A client may end its direction with its request and read on (RFC 9293 §3.6).
        .half_close(true)
        .max_header_size(limits.header_bytes)
        .serve_connection(TokioIo::new(stream), service);
    let shut_down = |codec: Pin<&mut http1::Connection<_, _>>| codec.graceful_shutdown();
    let timeouts = ActivityTimeouts::from(&limits);
    let ended = drive_codec(Pin::new(&mut codec), shut_down, &connection.activity, timeouts).await;
    let timed_out = matches!(ended, Err(DisconnectReason::Expired(Expired::Head)));
    connection.core.count_codec_end(ended);
    let parts = codec.into_parts();
    let mut stream = parts.io.into_inner();
    let Some(gate) = stream.take_gate() else {
        return CodecEnded { stream, early: parts.read_buf, reply: None, is_within_head: false };
    };
    let is_within_head = gate.is_within_head();
    let (reply, rest) = gate.into_rest();
    let reply = match reply {
        None if timed_out && is_within_head => Some(LocalReply::HeadTimeout),
        reply => reply,
    };
    let mut early = parts.read_buf;
    if !rest.is_empty() {
        early = [&early[..], &rest].concat().into();
    }
    CodecEnded { stream, early, reply, is_within_head }
}
