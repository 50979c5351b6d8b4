//! A request on its way out, and what of it can be had back if it is lost.

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Uri, Version};
use upshift_http::request_trailers;

use crate::body::{Replay, RequestBody};
use crate::upstream::Replica;

/// A request as it is to be sent on: its fields are those of the next hop, save what depends on
/// that hop's protocol.
pub(crate) struct Outbound {
    /// As the client sent it.
    pub(crate) method: Method,
    /// Path and query, as the client sent them.
    pub(crate) target: http::uri::PathAndQuery,
    /// The authority that was asked.
    pub(crate) host: HeaderValue,
    /// Whether the client takes trailers.
    pub(crate) trailers: bool,
    /// Whether the client declared the length of its content.
    pub(crate) declares_length: bool,
    /// Whether it may be sent once more, if its method and body allow that.
    pub(crate) retryable: bool,
    /// The fields.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: RequestBody,
}

/// The parts of a request that its codec does not keep.
pub(super) struct Kept {
    host: HeaderValue,
    trailers: bool,
    declares_length: bool,
    retryable: bool,
}

/// A copy of a request, which is not copied again.
pub(super) struct Spare {
    /// Without content.
    copy: Box<Outbound>,
    /// It is idempotent (RFC 9110 §9.2.2) and has no content.
    is_safe: bool,
    content: Option<Replay>,
}

impl Outbound {
    pub(super) fn kept(&self) -> Kept {
        let Self { host, trailers, declares_length, retryable, .. } = self;
        let (trailers, declares_length, retryable) = (*trailers, *declares_length, *retryable);
        Kept { host: host.clone(), trailers, declares_length, retryable }
    }

    /// What is kept of it while it is sent. Only a stream of HTTP/2 tells that a request was not
    /// processed: over HTTP/1 it is worth nothing to keep one that may not be repeated.
    pub(super) fn spare(&mut self, http2: bool) -> Option<Spare> {
        let is_safe = self.body.is_empty() && self.method.is_idempotent();
        if !self.retryable || !(is_safe || http2) {
            return None;
        }
        let content = if self.body.is_empty() { None } else { Some(self.body.kept()) };
        let copy = Box::new(Self {
            method: self.method.clone(),
            target: self.target.clone(),
            host: self.host.clone(),
            trailers: self.trailers,
            declares_length: self.declares_length,
            retryable: false,
            headers: self.headers.clone(),
            body: RequestBody::empty(),
        });
        Some(Spare { copy, is_safe, content })
    }

    /// For the codec. Where the client named no host, as HTTP/1.0 may, the replica goes by its own
    /// name.
    pub(super) fn into_request(self, http2: bool, replica: &Replica) -> Request<RequestBody> {
        let Self { method, target, host, trailers, declares_length, mut headers, body, .. } = self;
        let host = if host.is_empty() { replica.authority.clone() } else { host };
        if trailers {
            request_trailers(&mut headers, http2);
        }
        frame(&mut headers, &method, &body, declares_length, http2);
        let mut uri = http::uri::Parts::default();
        uri.path_and_query = Some(target);
        if http2 {
            // RFC 9113 §8.3.1: `:authority` in place of `Host`.
            uri.authority = http::uri::Authority::from_maybe_shared(host).ok();
            let scheme =
                if replica.tls { http::uri::Scheme::HTTPS } else { http::uri::Scheme::HTTP };
            uri.scheme = uri.authority.is_some().then_some(scheme);
        } else {
            headers.insert(header::HOST, host);
        }
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
        *request.headers_mut() = headers;
        *request.version_mut() = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
        request
    }

    /// From a request that the codec did not take.
    pub(super) fn back(request: Request<RequestBody>, kept: Kept) -> Self {
        let (mut parts, body) = request.into_parts();
        for name in [header::HOST, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
            parts.headers.remove(name);
        }
        if kept.trailers {
            parts.headers.remove(header::TE);
            parts.headers.remove(header::CONNECTION);
        }
        let target = parts.uri.into_parts().path_and_query;
        Self {
            method: parts.method,
            target: target.unwrap_or_else(|| http::uri::PathAndQuery::from_static("/")),
            host: kept.host,
            trailers: kept.trailers,
            declares_length: kept.declares_length,
            retryable: kept.retryable,
            headers: parts.headers,
            body,
        }
    }
}

impl Spare {
    /// A request to send in place of one that was lost and may have been processed.
    pub(super) fn safe(self) -> Option<Box<Outbound>> {
        self.is_safe.then_some(self.copy)
    }

    /// A request to send in place of one that was not processed; none if its content is not there
    /// any more.
    pub(super) fn unprocessed(mut self) -> Option<Box<Outbound>> {
        if let Some(content) = self.content {
            self.copy.body = content.take_back()?;
        }
        Some(self.copy)
    }
}

/// Writes the framing fields from the body that is sent; `headers` has none.
fn frame(
    headers: &mut HeaderMap,
    method: &Method,
    body: &RequestBody,
    declares_length: bool,
    http2: bool,
) {
    // RFC 9110 §8.6: "A user agent SHOULD send Content-Length in a request when the method defines
    // a meaning for enclosed content and it is not sending Transfer-Encoding", zero included.
    let has_meaning = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    match body.length() {
        Some(0) if !declares_length && !has_meaning => {}
        Some(length) => drop(headers.insert(header::CONTENT_LENGTH, length.into())),
        None if http2 => {}
        // The codec leaves out the content of a GET of unknown length unless a field says how to
        // send it.
        None => {
            drop(headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked")))
        }
    }
}
