//! The wait for the first bytes of a cleartext connection, or of one inside TLS without ALPN.

use std::io;
use std::pin::pin;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::time::{Duration, Instant, sleep_until, timeout_at};
use upshift_config::Limits;

use super::http1_gate::Http1Gate;
use super::next::Next;
use super::preamble::{Preamble, examine_preamble};
use super::stream::ClientStream;
use crate::exchange::connection::Connection;
use crate::exchange::unread::begin_unread_http1;
use crate::local_reply::LocalReply;
use crate::progress::activity::Activity;
use crate::telemetry::disconnect::DisconnectReason;

/// The time that a connection which was just accepted has for its first byte while the gateway
/// drains.
const DRAIN_GRACE: Duration = Duration::from_secs(1);

/// Reads until the first bytes show what the client speaks.
pub(super) async fn read_preamble(mut stream: ClientStream, connection: &Connection) -> Next {
    let limits = connection.core.limits();
    let mut received = BytesMut::new();
    let opening = tokio::select! {
        biased;
        opening = read_opening(&mut stream, &mut received, &limits, &connection.activity) => opening,
        // It has sent nothing, or it would not have been chosen.
        () = connection.activity.wait_for_eviction() => Ok(Preamble::Incomplete),
    };
    match opening {
        Ok(Preamble::Http1(head)) => {
            stream.put_gate(Http1Gate::after_head(received, &head, limits.header_bytes));
            Next::Http1(stream)
        }
        Ok(Preamble::Http2) => {
            stream.put_back(received.freeze());
            Next::Http2(stream, None)
        }
        Ok(Preamble::Faulty(reply)) => Next::Reply(stream, reply, received.freeze()),
        Ok(Preamble::Tls) => {
            connection.core.count_disconnect(DisconnectReason::TlsOnCleartext);
            Next::Ended
        }
        Ok(Preamble::Incomplete) => {
            if !received.is_empty() {
                // The client left within the head, which the report says when it is dropped.
                drop(begin_unread_http1(connection, &received));
            }
            Next::Ended
        }
        Err(_) => {
            connection.core.count_disconnect(DisconnectReason::Io);
            Next::Ended
        }
    }
}

/// `Incomplete`: the client went away, or had not begun when the gateway shut down.
async fn read_opening(
    stream: &mut ClientStream,
    received: &mut BytesMut,
    limits: &Limits,
    activity: &Activity,
) -> io::Result<Preamble> {
    let accepted = Instant::now();
    let mut deadline = accepted + limits.idle;
    let mut drained = pin!(async {
        activity.wait_for_drain().await;
        // Its first request may be on the way.
        sleep_until(accepted + DRAIN_GRACE).await;
    });
    loop {
        if received.is_empty() {
            received.reserve(2 * 1024);
        }
        let idle = received.is_empty();
        let read = tokio::select! {
            biased;
            read = timeout_at(deadline, stream.read_buf(received)) => read,
            () = &mut drained, if idle => return Ok(Preamble::Incomplete),
        };
        match read {
            Ok(read) => {
                if read? == 0 {
                    return Ok(Preamble::Incomplete);
                }
            }
            Err(_) if received.is_empty() => return Ok(Preamble::Incomplete),
            Err(_) => return Ok(Preamble::Faulty(LocalReply::HeadTimeout)),
        }
        match examine_preamble(received, limits.header_bytes) {
            Preamble::Incomplete => deadline = deadline.min(Instant::now() + limits.header_timeout),
            opening => return Ok(opening),
        }
    }
}
