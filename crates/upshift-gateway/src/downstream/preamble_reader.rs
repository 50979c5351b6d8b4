//! The wait for the first bytes of a cleartext connection, or of one inside TLS without ALPN.

use std::future::poll_fn;
use std::io;
use std::pin::pin;

use bytes::BytesMut;
use tokio::time::{Duration, Instant, sleep_until, timeout_at};
use upshift_config::Limits;

use super::next::Next;
use super::preamble::{Preamble, examine_preamble};
use super::read_buffer::poll_receive;
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
        () = connection.activity.wait_for_eviction() => Ok(Opening::Read(Preamble::Incomplete)),
    };
    match opening {
        Ok(Opening::Read(Preamble::Http1)) => Next::Http1(stream, received),
        Ok(Opening::Read(Preamble::Http2)) => {
            stream.put_back(received.freeze());
            Next::Http2(stream, None)
        }
        Ok(Opening::Late) => Next::Reply(stream, LocalReply::HeadTimeout, received.freeze()),
        Ok(Opening::Read(Preamble::Tls)) => {
            let cause = DisconnectReason::TlsOnCleartext;
            connection.core.count_disconnect(cause);
            begin_unread_http1(connection, &received).set_cause(cause.as_str());
            Next::Ended
        }
        Ok(Opening::Read(Preamble::Incomplete)) => {
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

/// The outcome of the wait for the first bytes.
enum Opening {
    /// They show the protocol. `Incomplete`: the client went away, or had not begun when the gateway
    /// shut down.
    Read(Preamble),
    /// The client began with something that may become the preface of HTTP/2, and stopped.
    Late,
}

async fn read_opening(
    stream: &mut ClientStream,
    received: &mut BytesMut,
    limits: &Limits,
    activity: &Activity,
) -> io::Result<Opening> {
    let accepted = Instant::now();
    let mut deadline = accepted + limits.idle;
    let mut drained = pin!(async {
        activity.wait_for_drain().await;
        // Its first request may be on the way.
        sleep_until(accepted + DRAIN_GRACE).await;
    });
    loop {
        let idle = received.is_empty();
        let read = tokio::select! {
            biased;
            read = timeout_at(deadline, poll_fn(|cx| poll_receive(stream, received, cx))) => read,
            () = &mut drained, if idle => return Ok(Opening::Read(Preamble::Incomplete)),
        };
        match read {
            Ok(read) => {
                if read? == 0 {
                    return Ok(Opening::Read(Preamble::Incomplete));
                }
            }
            Err(_) if received.is_empty() => return Ok(Opening::Read(Preamble::Incomplete)),
            Err(_) => return Ok(Opening::Late),
        }
        match examine_preamble(received) {
            Preamble::Incomplete => deadline = deadline.min(Instant::now() + limits.header_timeout),
            preamble => return Ok(Opening::Read(preamble)),
        }
    }
}
