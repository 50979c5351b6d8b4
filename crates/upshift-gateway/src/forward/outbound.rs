//! A request to an upstream, and the copies that a retry needs.

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Uri, Version};
use upshift_http::request_trailers;

use crate::body::{ContentReplay, RequestBody};
use crate::upstream::UpstreamEndpoint;

/// A request with the fields of the next hop, except those that depend on its version of HTTP.
pub(crate) struct OutboundRequest {
    /// The method, as the client sent it.
    pub(crate) method: Method,
    /// Path and query, as the client sent them.
    pub(crate) target: PathAndQuery,
    /// The authority that the client asked for.
    pub(crate) host: HeaderValue,
    /// The client accepts trailers.
    pub(crate) trailers: bool,
    /// The client declared the length of its content.
    pub(crate) declares_length: bool,
    /// The request may be sent again if its method and body allow it.
    pub(crate) retryable: bool,
    /// The fields.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: RequestBody,
}

/// The parts of an [`OutboundRequest`] that are lost in the conversion to a [`Request`].
pub(super) struct KeptParts {
    host: HeaderValue,
    trailers: bool,
    declares_length: bool,
    retryable: bool,
}

/// A copy of a request, for one retry.
pub(super) struct RetryCopy {
    /// The request without content. It is not retryable itself.
    copy: Box<OutboundRequest>,
    /// The request is idempotent (RFC 9110 §9.2.2) and has no content.
    is_idempotent: bool,
    content: Option<ContentReplay>,
}

impl OutboundRequest {
    /// The parts that [`Self::restore`] needs.
    pub(super) fn keep_parts(&self) -> KeptParts {
        KeptParts {
            host: self.host.clone(),
            trailers: self.trailers,
            declares_length: self.declares_length,
            retryable: self.retryable,
        }
    }

    /// Makes the copy for a retry, if one may be allowed. Only HTTP/2 can tell that a request was
    /// not processed, so over HTTP/1.1 a request that is not idempotent needs no copy.
    pub(super) fn retry_copy(&mut self, http2: bool) -> Option<RetryCopy> {
        let is_idempotent = self.body.is_empty() && self.method.is_idempotent();
        if !self.retryable || !(is_idempotent || http2) {
            return None;
        }
        let content = if self.body.is_empty() { None } else { Some(self.body.keep_for_replay()) };
        let copy = Box::new(Self {
            method: self.method.clone(),
            target: self.target.clone(),
            host: self.host.clone(),
            trailers: self.trailers,
            declares_length: self.declares_length,
            // There is no second retry.
            retryable: false,
            headers: self.headers.clone(),
            body: RequestBody::empty(),
        });
        Some(RetryCopy { copy, is_idempotent, content })
    }

    /// Converts the request for hyper. If the client named no host, which HTTP/1.0 allows, the
    /// endpoint's own authority is sent.
    pub(super) fn into_request(
        self,
        http2: bool,
        endpoint: &UpstreamEndpoint,
    ) -> Request<RequestBody> {
        let Self { method, target, host, trailers, declares_length, mut headers, body, .. } = self;
        let authority = if host.is_empty() { endpoint.authority.clone() } else { host };
        if trailers {
            request_trailers(&mut headers, http2);
        }
        set_framing(&mut headers, &method, &body, declares_length, http2);
        let mut uri = http::uri::Parts::default();
        uri.path_and_query = Some(target);
        if http2 {
            // RFC 9113 §8.3.1: `:authority` in place of `Host`.
            uri.authority = Authority::from_maybe_shared(authority).ok();
            if uri.authority.is_some() {
                uri.scheme = Some(if endpoint.tls { Scheme::HTTPS } else { Scheme::HTTP });
            }
        } else {
            headers.insert(header::HOST, authority);
        }
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
        *request.headers_mut() = headers;
        *request.version_mut() = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
        request
    }

    /// Restores a request that hyper did not send.
    pub(super) fn restore(request: Request<RequestBody>, kept: KeptParts) -> Self {
        let (mut parts, body) = request.into_parts();
        // These depend on the version of HTTP, and the next connection may have another.
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
            target: target.unwrap_or_else(|| PathAndQuery::from_static("/")),
            host: kept.host,
            trailers: kept.trailers,
            declares_length: kept.declares_length,
            retryable: kept.retryable,
            headers: parts.headers,
            body,
        }
    }
}

impl RetryCopy {
    /// The request to send in place of one that may have been processed; `None` unless it is
    /// idempotent.
    pub(super) fn into_idempotent(self) -> Option<Box<OutboundRequest>> {
        if self.is_idempotent { Some(self.copy) } else { None }
    }

    /// The request to send in place of one that was not processed; `None` if its content was too
    /// long to keep.
    pub(super) fn into_unprocessed(mut self) -> Option<Box<OutboundRequest>> {
        if let Some(content) = self.content {
            self.copy.body = content.take_back()?;
        }
        Some(self.copy)
    }
}

/// Sets the framing fields for the body that is sent; `headers` has none yet.
fn set_framing(
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
        Some(length) => {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        // HTTP/2 delimits content by its frames.
        None if http2 => {}
        // hyper omits the content of a GET of unknown length unless this field is there.
        None => {
            headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
}
