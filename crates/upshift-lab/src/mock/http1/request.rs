//! Requests: heads, their lanes, and content.

use tokio::io::AsyncWriteExt;
use upshift_record::{ExchangeEnd, Lane, Protection, RecordedBody, RecordedRequest};

use crate::lenient_http1::{
    BodyLength, BodyProgress, ChunkedReader, LenientHead, read_responses, request_body_length,
};
use crate::mock::connection_context::ConnectionContext;
use crate::mock::next::Next;
use crate::mock::offer::first_offer;
use crate::mock::peer_stream::PeerStream;
use crate::mock::pending_request::PendingRequest;

/// The longest head that is read.
const MAX_HEAD: usize = 1024 * 1024;

/// Reads a head. `None` if none comes.
pub(super) async fn read_head(
    context: &ConnectionContext,
    stream: &mut PeerStream,
) -> Option<LenientHead> {
    loop {
        let unread = stream.unread();
        // RFC 8446 §5.1: the content type of a handshake record is 22. Its octets may look like
        // lines.
        if unread.first() == Some(&22) {
            context.recorder.malformed("a TLS handshake where HTTP was expected");
            return None;
        }
        if let Some(head) = LenientHead::read(unread) {
            stream.consume(head.length());
            return Some(head);
        }
        if unread.len() > MAX_HEAD {
            context.recorder.malformed("the head of a request has more than 1 MiB");
            return None;
        }
        let is_within = !unread.is_empty();
        if context.read_more(stream).await.is_none() {
            if is_within {
                context.recorder.malformed("the connection ended within the head of a request");
            }
            return None;
        }
    }
}

/// The lane of a request in HTTP/1.x.
pub(super) fn lane_of(request: &RecordedRequest, context: &ConnectionContext) -> Lane {
    if context.is_in_band {
        return Lane::TlsInBand;
    }
    let in_tls = context.protection != Protection::Cleartext;
    // The preface of HTTP/2, which an HTTP/1.x server takes for a request.
    if request.version == "2.0" {
        return if in_tls { Lane::Http2 } else { Lane::H2cPrior };
    }
    if let Some(offer) = first_offer(request, in_tls) {
        return offer.lane;
    }
    match &context.protection {
        Protection::Tls { version, .. } if version.as_deref() == Some("1.2") => Lane::Tls12,
        Protection::Tls { .. } => Lane::Tls13,
        Protection::Cleartext if matches!(request.version.as_str(), "0.9" | "1.0") => Lane::Http10,
        Protection::Cleartext => Lane::Http11,
    }
}

/// Reads the content of a request, after `100 (Continue)` if the client expects it.
pub(super) async fn read_content(
    context: &ConnectionContext,
    stream: &mut PeerStream,
    pending: &mut PendingRequest,
    head: &LenientHead,
) -> Result<(), Next> {
    let length = request_body_length(head);
    if length == BodyLength::Known(0) {
        return Ok(());
    }
    // RFC 9110 §10.1.1: a server that reads the content sends the 100 first, unless the content is
    // on its way already. After a final response there is none.
    let is_answered = pending.exchange.response.is_some();
    if head.lists("Expect", "100-continue") && stream.unread().is_empty() && !is_answered {
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
        if stream.write_all(interim).await.is_err() {
            return Err(Next::Over);
        }
        pending.exchange.interim.extend(read_responses(interim).interim);
    }
    let mut reader = ChunkedReader::default();
    let mut unread = Vec::new();
    let is_complete = loop {
        unread.extend_from_slice(&stream.take_unread());
        let progress = match length {
            BodyLength::Known(length) => read_known(&mut reader, &mut unread, length),
            BodyLength::Chunked => reader.read(&mut unread),
        };
        match progress {
            BodyProgress::Complete => break true,
            BodyProgress::Malformed => break false,
            BodyProgress::Incomplete => {}
        }
        if context.read_more(stream).await.is_none() {
            break false;
        }
    };
    pending.request.body = Some(RecordedBody { octets: reader.content, cut_from: None });
    pending.request.trailers = reader.trailers;
    if !is_complete {
        pending.exchange.end.get_or_insert(ExchangeEnd::Closed);
        pending.record_request(context);
        context.recorder.malformed("the content of a request is incomplete or malformed");
        return Err(Next::Over);
    }
    stream.put_back(&unread);
    Ok(())
}

fn read_known(reader: &mut ChunkedReader, unread: &mut Vec<u8>, length: u64) -> BodyProgress {
    let missing = length.saturating_sub(reader.content.len() as u64);
    let count = usize::try_from(missing).unwrap_or(usize::MAX).min(unread.len());
    reader.content.extend(unread.drain(..count));
    match reader.content.len() as u64 == length {
        true => BodyProgress::Complete,
        false => BodyProgress::Incomplete,
    }
}
