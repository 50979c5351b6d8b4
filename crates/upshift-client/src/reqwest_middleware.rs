//! A middleware of `reqwest-middleware` that follows a 426.
//!
//! reqwest chooses its connections itself, so the steps it can be made to take are TLS, HTTP/1.1,
//! plain HTTP and another version. For HTTP/2 and HTTP/3 on demand use [`Client`](crate::Client). A
//! 426 that is not followed is a `reqwest_middleware::Error::Middleware` around an [`Error`], which
//! `downcast_ref` returns. So is a step that a 426 required and that failed, unless it timed out.
//! Every other error is passed through unchanged, so that `is_connect` and `is_timeout` return what
//! they return without this middleware, and a retrying middleware around it retries.
//!
//! reqwest follows redirects below this middleware. A 426 from another origin than the requested
//! one is not followed: see [`AnsweredBy`].

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Extensions, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use reqwest::{Body, ResponseBuilderExt, Url};
use reqwest_middleware::{Middleware, Next};
use tower_service::Service;

use crate::call::follow_request;
use crate::follow_settings::FollowSettings;
use crate::{AnsweredBy, BoxError, Error, FollowBody, FollowLayer, Rewind, Trace};

/// A middleware that follows a 426, made from a [`FollowLayer`].
///
/// ```no_run
/// use reqwest_middleware::ClientBuilder;
/// use upshift_client::{FollowLayer, FollowMiddleware};
///
/// let follow = FollowMiddleware::from(FollowLayer::new());
/// let client = ClientBuilder::new(reqwest::Client::new()).with(follow).build();
/// ```
#[derive(Clone)]
pub struct FollowMiddleware(Arc<FollowSettings>);

impl From<FollowLayer> for FollowMiddleware {
    fn from(layer: FollowLayer) -> Self {
        Self(Arc::new(layer.settings))
    }
}

#[async_trait::async_trait]
impl Middleware for FollowMiddleware {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        let requested_url = request.url().clone();
        // The copy shares the bytes of the body. It is `None` for a body that is a stream.
        let spare = request.try_clone();
        let first: Request<Body> = request.try_into()?;
        let shared = Arc::new(Mutex::new(extensions.clone()));
        let inner = MiddlewareChain { next, extensions: Arc::clone(&shared) };
        let attempt = first.map(|body| ReqwestBody { body, spare });
        let outcome = follow_request(inner, Arc::clone(&self.0), attempt).await;
        // The extensions that the inner middlewares have left are for the outer ones to read.
        *extensions = copy_extensions(&shared);
        let response = match outcome {
            Ok(response) => response,
            Err(error) => {
                extensions.insert(error.trace());
                return Err(to_middleware_error(error));
            }
        };
        extensions.insert(response.extensions().get::<Trace>().cloned().unwrap_or_default());
        to_reqwest_response(response, requested_url)
    }
}

/// The response in the form of reqwest, with its URL.
fn to_reqwest_response(
    response: Response<FollowBody<Body>>,
    requested_url: Url,
) -> reqwest_middleware::Result<reqwest::Response> {
    let url = match response.extensions().get::<FinalUrl>() {
        Some(answered) => answered.0.clone(),
        None => requested_url,
    };
    let (parts, body) = response.into_parts();
    let mut whole = match Response::builder().url(url).body(Body::wrap(body)) {
        Ok(whole) => whole,
        Err(error) => return Err(reqwest_middleware::Error::middleware(Error::usage(error))),
    };
    *whole.status_mut() = parts.status;
    *whole.version_mut() = parts.version;
    *whole.headers_mut() = parts.headers;
    whole.extensions_mut().extend(parts.extensions);
    Ok(whole.into())
}

/// The error for the outer middlewares: the inner chain's own if following had no part in it.
fn to_middleware_error(error: Error) -> reqwest_middleware::Error {
    let remaining = match error {
        Error::Transport { source, trace } => match inner_error(source) {
            Ok(inner) => return inner,
            Err(source) => Error::Transport { source, trace },
        },
        Error::Step { step, source, refused } => match inner_error(source) {
            // A timeout says nothing about the step.
            Ok(inner) if inner.is_timeout() => return inner,
            Ok(inner) => Error::Step { step, source: inner.into(), refused },
            Err(source) => Error::Step { step, source, refused },
        },
        other => other,
    };
    reqwest_middleware::Error::middleware(remaining)
}

/// The error of the inner chain, or the source unchanged.
fn inner_error(source: BoxError) -> Result<reqwest_middleware::Error, BoxError> {
    source.downcast::<reqwest_middleware::Error>().map(|inner| *inner)
}

fn copy_extensions(extensions: &Mutex<Extensions>) -> Extensions {
    // A copy, because a lock must not be held while the inner chain runs.
    extensions.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The URL that a response came from, in the form of reqwest.
#[derive(Clone)]
struct FinalUrl(Url);

/// The inner middlewares and reqwest itself, as a service.
#[derive(Clone)]
struct MiddlewareChain<'n> {
    next: Next<'n>,
    /// The extensions of the chain. Each attempt continues with those of the last one.
    extensions: Arc<Mutex<Extensions>>,
}

impl<'n> Service<Request<ReqwestBody>> for MiddlewareChain<'n> {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send + 'n>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReqwestBody>) -> Self::Future {
        let MiddlewareChain { next, extensions: shared } = self.clone();
        Box::pin(async move {
            let outgoing = reqwest::Request::try_from(request.map(|sent| sent.body))?;
            let mut extensions = copy_extensions(&shared);
            let outcome = next.run(outgoing, &mut extensions).await;
            // Kept after a failure too: a middleware may have left something for the outer ones.
            *shared.lock().unwrap_or_else(PoisonError::into_inner) = extensions;
            let received = outcome?;
            let url = received.url().clone();
            let mut response: Response<Body> = received.into();
            if let Ok(uri) = url.as_str().parse() {
                response.extensions_mut().insert(AnsweredBy(uri));
            }
            response.extensions_mut().insert(FinalUrl(url));
            Ok(response)
        })
    }
}

/// A body that can be sent again if reqwest has it in memory.
struct ReqwestBody {
    body: Body,
    /// A request with the same body, if reqwest can clone it. reqwest shares the bytes of a body,
    /// instead of copying them, only between requests.
    spare: Option<reqwest::Request>,
}

impl Rewind for ReqwestBody {
    fn rewind(&self) -> Option<Self> {
        let mut request = self.spare.as_ref()?.try_clone()?;
        let spare = request.try_clone();
        // reqwest has no body where the request had an empty one.
        let body = request.body_mut().take().unwrap_or_default();
        Some(Self { body, spare })
    }
}

impl HttpBody for ReqwestBody {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(body: Option<Body>) -> ReqwestBody {
        let mut spare = reqwest::Request::new(
            http::Method::POST,
            Url::parse("http://example.com/").expect("a URL"),
        );
        *spare.body_mut() = body;
        let body = spare.try_clone().and_then(|mut request| request.body_mut().take());
        ReqwestBody { body: body.unwrap_or_default(), spare: Some(spare) }
    }

    /// Catches a copy of the whole body for each attempt.
    #[test]
    fn a_body_is_shared_between_attempts() {
        let first = sent(Some(Body::from(Bytes::from(vec![b'x'; 1 << 20]))));
        let second = first.rewind().expect("a body that is there whole");
        let third = second.rewind().expect("a body that is there whole");
        let places = [first, second, third].map(|sent| sent.body.as_bytes().map(<[u8]>::as_ptr));
        assert!(
            places[0].is_some() && places[0] == places[1] && places[1] == places[2],
            "{places:?}"
        );
    }

    #[test]
    fn no_body_is_no_body_again() {
        let again = sent(None).rewind().expect("nothing can be sent again");
        assert!(again.rewind().is_some_and(|again| again.is_end_stream()));
    }
}
