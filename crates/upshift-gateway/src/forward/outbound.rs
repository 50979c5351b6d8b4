//! A request to an upstream, and the copies that a retry needs.

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Uri, Version};
use upshift_http::request_trailers;
use upshift_http1::Framing;

use crate::body::{ContentReplay, RequestBody};
use crate::fields::names::ReceivedNames;
use crate::upstream::UpstreamEndpoint;
use crate::upstream::http1::Http1Request;

/// A request with the fields of the next hop, except those that depend on its HTTP version.
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
    /// The client waits for 100 (Continue) before it sends its content.
    pub(crate) expects_continue: bool,
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
    expects_continue: bool,
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
            expects_continue: self.expects_continue,
            retryable: self.retryable,
        }
    }

    /// Returns true if it may be sent again with the same content although the upstream may have
    /// seen it (RFC 9110 §9.2.2).
    pub(super) fn is_repeatable(&self) -> bool {
        self.retryable && self.method.is_idempotent()
    }

    /// The head for an upstream over HTTP/1.1. If the client named no host, which HTTP/1.0 allows,
    /// the endpoint's own authority is sent.
    pub(super) fn http1_head<'r>(
        &'r self,
        endpoint: &'r UpstreamEndpoint,
        names: ReceivedNames<'r>,
    ) -> Http1Request<'r> {
        let framing = self.framing();
        // RFC 9110 §10.1.1: "A client MUST NOT generate a 100-continue expectation in a request that
        // does not include content", and over HTTP/2 there may be none in spite of its fields.
        let has_content = !matches!(framing, Framing::None | Framing::Length(0));
        Http1Request {
            method: &self.method,
            target: &self.target,
            host: if self.host.is_empty() { &endpoint.authority } else { &self.host },
            headers: &self.headers,
            names,
            trailers: self.trailers,
            expects_continue: self.expects_continue && has_content,
            framing,
        }
    }

    /// The framing of the body that is sent.
    fn framing(&self) -> Framing {
        // RFC 9110 §8.6: "A user agent SHOULD send Content-Length in a request when the method
        // defines a meaning for enclosed content and it is not sending Transfer-Encoding", zero
        // included.
        let has_meaning = matches!(self.method, Method::POST | Method::PUT | Method::PATCH);
        match self.body.length() {
            Some(0) if !self.declares_length && !has_meaning => Framing::None,
            Some(length) => Framing::Length(length),
            None => Framing::Chunked,
        }
    }

    /// Makes the copy for a retry, if one is allowed. HTTP/2 can report that a request was not
    /// processed, so a request that is not idempotent gets a copy, too.
    pub(super) fn retry_copy(&mut self) -> Option<RetryCopy> {
        if !self.retryable {
            return None;
        }
        let is_idempotent = self.body.is_empty() && self.method.is_idempotent();
        let content = if self.body.is_empty() { None } else { Some(self.body.keep_for_replay()) };
        let copy = Box::new(Self {
            method: self.method.clone(),
            target: self.target.clone(),
            host: self.host.clone(),
            trailers: self.trailers,
            declares_length: self.declares_length,
            expects_continue: self.expects_continue,
            // There is no second retry.
            retryable: false,
            headers: self.headers.clone(),
            body: RequestBody::empty(),
        });
        Some(RetryCopy { copy, is_idempotent, content })
    }

    /// Converts the request for HTTP/2. If the client named no host, the endpoint's own authority
    /// is sent.
    pub(super) fn into_http2(self, endpoint: &UpstreamEndpoint) -> Request<RequestBody> {
        // HTTP/2 delimits content by frames, so the length is only informative.
        let framing = self.framing();
        let Self { method, target, host, trailers, mut headers, body, .. } = self;
        if trailers {
            request_trailers(&mut headers);
        }
        if let Framing::Length(length) = framing {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        let authority = if host.is_empty() { endpoint.authority.clone() } else { host };
        let mut uri = http::uri::Parts::default();
        uri.path_and_query = Some(target);
        // RFC 9113 §8.3.1: `:authority` replaces `Host`.
        uri.authority = Authority::from_maybe_shared(authority).ok();
        if uri.authority.is_some() {
            uri.scheme = Some(if endpoint.tls { Scheme::HTTPS } else { Scheme::HTTP });
        }
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
        *request.headers_mut() = headers;
        *request.version_mut() = Version::HTTP_2;
        request
    }

    /// Restores a request that hyper did not send.
    pub(super) fn restore(request: Request<RequestBody>, kept: KeptParts) -> Self {
        let (mut parts, body) = request.into_parts();
        // These depend on the HTTP version, and the next connection may use another one.
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::TE);
        let target = parts.uri.into_parts().path_and_query;
        Self {
            method: parts.method,
            target: target.unwrap_or_else(|| PathAndQuery::from_static("/")),
            host: kept.host,
            trailers: kept.trailers,
            declares_length: kept.declares_length,
            expects_continue: kept.expects_continue,
            retryable: kept.retryable,
            headers: parts.headers,
            body,
        }
    }
}

impl RetryCopy {
    /// The request for a retry after one that may have been processed; `None` unless it is
    /// idempotent.
    pub(super) fn into_idempotent(self) -> Option<Box<OutboundRequest>> {
        if self.is_idempotent { Some(self.copy) } else { None }
    }

    /// The request for a retry after one that was not processed; `None` if its content was too long
    /// to keep.
    pub(super) fn into_unprocessed(mut self) -> Option<Box<OutboundRequest>> {
        if let Some(content) = self.content {
            self.copy.body = content.take_back()?;
        }
        Some(self.copy)
    }
}
