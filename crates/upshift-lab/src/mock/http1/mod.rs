//! HTTP/1.x: requests are read leniently, and answers are the octets of the scenario.

mod answer;
mod follow_up;
mod rendering;
mod request;

use upshift_record::{Lane, Protection};

use super::connection_context::ConnectionContext;
use super::next::Next;
use super::peer_stream::PeerStream;
use super::pending_request::PendingRequest;
use super::scenario::{AnswerTime, Origin};
use crate::lenient_http1::LenientHead;

/// The first line of HTTP/2's preface, which an HTTP/1.x server takes for a request (RFC 9113
/// §3.4), and the empty line after it.
const PREFACE_HEAD: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";

/// Serves HTTP/1.x, beginning with the request `first` if there is one.
pub(crate) async fn serve(
    context: &ConnectionContext,
    mut stream: PeerStream,
    first: Option<PendingRequest>,
) -> Next {
    if let Some(pending) = first {
        let origin = origin_of(context, pending.lane);
        match answer::send_answer(context, stream, pending, origin).await {
            Ok((open, _)) => stream = open,
            Err(next) => return next,
        }
    }
    // Ends with the connection, or with a step that closes it.
    loop {
        let Some(head) = request::read_head(context, &mut stream).await else {
            return Next::Close(stream);
        };
        let request = head.to_request();
        let is_preface = request.method.as_bytes() == b"PRI" && request.version == "2.0";
        let lane = request::lane_of(&request, context);
        if is_preface && context.server.routes.answer_framed(lane) {
            stream.put_back(PREFACE_HEAD);
            return Next::Http2(stream, None);
        }
        let pending = PendingRequest::begin(context, request, lane);
        match answer_request(context, stream, pending, &head).await {
            Ok(open) => stream = open,
            Err(next) => return next,
        }
    }
}

/// Answers a request that was read up to the end of its head. Returns the stream if it stays open
/// for another one.
async fn answer_request(
    context: &ConnectionContext,
    mut stream: PeerStream,
    mut pending: PendingRequest,
    head: &LenientHead,
) -> Result<PeerStream, Next> {
    let origin = origin_of(context, pending.lane);
    let time = pending.choose_step(context, origin).time();
    if time == AnswerTime::End {
        request::read_content(context, &mut stream, &mut pending, head).await?;
    }
    pending.record_request(context);
    let (mut stream, mut pending) = answer::send_answer(context, stream, pending, origin).await?;
    if time == AnswerTime::Head {
        // The next request begins after the content of this one.
        request::read_content(context, &mut stream, &mut pending, head).await?;
        pending.record_content(context);
    }
    Ok(stream)
}

fn origin_of(context: &ConnectionContext, lane: Lane) -> Origin {
    Origin {
        lane,
        in_http1: true,
        in_tls: context.protection != Protection::Cleartext,
        is_switched: context.is_in_band,
    }
}
