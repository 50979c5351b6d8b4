//! Connections of clients, from the first byte to the last.
//!
//! A connection is a loop over [`Next`]: each step takes the stream, speaks one protocol on it, and
//! returns what comes next. A switch of protocols is such a step.
//!
//! accept → opening (TLS handshake) → preamble → HTTP/1 or HTTP/2 → close, lingering where the client
//! may still be sending.

pub(crate) mod client_hello;
pub(crate) mod codec;
mod h2c;
mod http1;
mod http2;
pub(crate) mod http3;
mod in_band_tls;
mod next;
mod opening;
mod preamble;
mod preamble_reader;
mod read_buffer;
pub(crate) mod stream;
mod switch;
mod write_buffer;

use std::rc::Rc;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use self::next::Next;
use self::opening::open_connection;
pub(crate) use self::opening::{AcceptedTcp, ClientListener};
use self::stream::ClientStream;
use crate::core_local::CoreLocal;
use crate::exchange::connection::Connection;
use crate::exchange::respond;
use crate::exchange::unread::begin_unread_http1;
use crate::local_reply::LocalReply;
use crate::progress::activity::Activity;

/// Serves a TCP connection of a client until it has ended.
pub(crate) async fn serve_tcp(core: Rc<CoreLocal>, accepted: AcceptedTcp, activity: Rc<Activity>) {
    if let Some((connection, first)) = open_connection(core, accepted, activity).await {
        serve_steps(connection, first).await;
    }
}

/// Takes one step after the other until the connection has ended.
///
/// Each step is in a box of its own and gone before the next begins: an idle tunnel does not carry
/// the codec along.
async fn serve_steps(mut connection: Connection, mut next: Next) {
    loop {
        next = match next {
            Next::Preamble(stream) => {
                Box::pin(preamble_reader::read_preamble(stream, &connection)).await
            }
            Next::Http1(stream, received) => {
                Box::pin(http1::serve_http1(stream, received, &connection)).await
            }
            Next::Http2(stream, first) => {
                Box::pin(http2::serve_http2(stream, &connection, first)).await;
                Next::Ended
            }
            Next::Switch(switch, stream, early) => {
                Box::pin(switch::perform_switch(switch, stream, early, &mut connection)).await
            }
            Next::Reply(stream, reply, received) => {
                Box::pin(send_local_reply(stream, &reply, &received, &connection)).await;
                Next::Ended
            }
            Next::Linger(stream) => {
                let limits = connection.core.limits();
                let linger = Some((limits.discard_bytes, limits.discard_timeout));
                Box::pin(stream.close_gracefully(linger)).await;
                Next::Ended
            }
            Next::Close(stream) => {
                Box::pin(stream.close_gracefully(None)).await;
                Next::Ended
            }
            Next::Ended => return,
        };
    }
}

/// Sends the local reply to a message that no codec reads, and closes.
async fn send_local_reply(
    mut stream: ClientStream,
    reply: &LocalReply,
    received: &[u8],
    connection: &Connection,
) {
    let limits = connection.core.limits();
    let report = begin_unread_http1(connection, received);
    report.set_cause(reply.cause_label());
    report.start_response(reply.status());
    connection.core.count_local_reply(reply, "");
    let has_content = !is_head(received);
    let (wire, sent) = respond::local_reply_bytes(reply, &respond::http_date(), has_content);
    // The connection closes even if the client does not read the response.
    if let Ok(Ok(())) = timeout(limits.header_timeout, stream.write_all(&wire)).await {
        report.add_bytes_out(sent as u64);
        // The exchange has ended: what follows only closes the connection.
        drop(report);
        stream.close_gracefully(Some((limits.discard_bytes, limits.discard_timeout))).await;
    }
}

/// Returns true if the message that begins with `received` is a HEAD request, as far as its method
/// tells.
fn is_head(received: &[u8]) -> bool {
    received.trim_ascii_start().starts_with(b"HEAD ")
}
