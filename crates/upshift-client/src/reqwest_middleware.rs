//! For programs that use reqwest: a middleware of `reqwest-middleware` that follows a 426.
//!
//! reqwest decides by itself how it connects, so what it can be made to do is TLS, HTTP/1.1, plain
//! HTTP and another version; for HTTP/2 and HTTP/3 by demand take [`Client`](crate::Client). A 426
//! that is not followed is a `reqwest_middleware::Error::Middleware` around an [`Error`], which
//! `downcast_ref` gets at. So is a step that a 426 asked for and that failed, unless it took too
//! long. Every other error is handed through as it is, so that `is_connect` and `is_timeout` tell
//! what they tell without this middleware, and a retrying one around it retries.
//!
//! reqwest follows redirects below this middleware. A 426 that comes from another origin than the
//! one that was asked is not followed: see [`AnsweredBy`].

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

use crate::follow::{Settings, attempt};
use crate::{AnsweredBy, BoxError, Error, FollowLayer, Rewind, Trace};

/// A middleware that follows a 426, made from a [`FollowLayer`].
///
/// ```no_run
/// use reqwest_middleware::ClientBuilder;
/// use upshift_client::{FollowLayer, FollowMiddleware};
///
/// let client = ClientBuilder::new(reqwest::Client::new()).with(FollowMiddleware::from(FollowLayer::new())).build();
/// ```
#[derive(Clone)]
pub struct FollowMiddleware(Arc<Settings>);

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
        let asked = request.url().clone();
        let spare = request.try_clone();
        let request: Request<Body> = request.try_into()?;
        let shared = Arc::new(Mutex::new(extensions.clone()));
        let inner = Rest { next, extensions: Arc::clone(&shared) };
        let outcome =
            attempt::run(inner, Arc::clone(&self.0), request.map(|body| Sent { body, spare }))
                .await;
        // What the middlewares inside have left there is for those outside to see.
        *extensions = copy(&shared);
        if let Err(error) = &outcome {
            extensions.insert(error.trace());
        }
        let response = outcome.map_err(handed_through)?;
        extensions.insert(response.extensions().get::<Trace>().cloned().unwrap_or_default());
        let url =
            response.extensions().get::<Answered>().map_or(asked, |answered| answered.0.clone());
        let (parts, body) = response.into_parts();
        let mut whole = Response::builder().url(url).body(Body::wrap(body)).map_err(middleware)?;
        *whole.status_mut() = parts.status;
        *whole.version_mut() = parts.version;
        *whole.headers_mut() = parts.headers;
        whole.extensions_mut().extend(parts.extensions);
        Ok(whole.into())
    }
}

fn middleware(error: http::Error) -> reqwest_middleware::Error {
    reqwest_middleware::Error::middleware(Error::usage(error))
}

/// The error of the chain inside as it was, where following had no part in it.
fn handed_through(error: Error) -> reqwest_middleware::Error {
    match error {
        Error::Transport { source, trace } => own_error(source).unwrap_or_else(|source| {
            reqwest_middleware::Error::middleware(Error::Transport { source, trace })
        }),
        // That it took too long says nothing of the step.
        Error::Step { step, source, refused } => match own_error(source) {
            Ok(inner) if inner.is_timeout() => inner,
            Ok(inner) => reqwest_middleware::Error::middleware(Error::Step {
                step,
                source: inner.into(),
                refused,
            }),
            Err(source) => {
                reqwest_middleware::Error::middleware(Error::Step { step, source, refused })
            }
        },
        error => reqwest_middleware::Error::middleware(error),
    }
}

/// The error of the chain inside, or the source as it was.
fn own_error(source: BoxError) -> Result<reqwest_middleware::Error, BoxError> {
    source.downcast::<reqwest_middleware::Error>().map(|inner| *inner)
}

fn copy(extensions: &Mutex<Extensions>) -> Extensions {
    extensions.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Which URL an answer came from, as reqwest has it.
#[derive(Clone)]
struct Answered(Url);

/// The rest of the chain, as a service.
#[derive(Clone)]
struct Rest<'n> {
    next: Next<'n>,
    /// The extensions of the chain, which each attempt goes on with.
    extensions: Arc<Mutex<Extensions>>,
}

impl<'n> Service<Request<Sent>> for Rest<'n> {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send + 'n>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Sent>) -> Self::Future {
        let Rest { next, extensions: shared } = self.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request.map(|sent| sent.body))?;
            let mut extensions = copy(&shared);
            let ran = next.run(request, &mut extensions).await;
            *shared.lock().unwrap_or_else(PoisonError::into_inner) = extensions;
            let response = ran?;
            let url = response.url().clone();
            let mut response: Response<Body> = response.into();
            if let Ok(uri) = url.as_str().parse() {
                response.extensions_mut().insert(AnsweredBy(uri));
            }
            response.extensions_mut().insert(Answered(url));
            Ok(response)
        })
    }
}

/// A body that can be sent again if reqwest holds it whole.
struct Sent {
    body: Body,
    /// A request with the same body, if it can be had again. reqwest shares the bytes of a body,
    /// instead of copying them, only between requests.
    spare: Option<reqwest::Request>,
}

impl Rewind for Sent {
    fn rewind(&self) -> Option<Self> {
        let mut request = self.spare.as_ref()?.try_clone()?;
        let spare = request.try_clone();
        // reqwest makes no body of none.
        let body = request.body_mut().take().unwrap_or_default();
        Some(Self { body, spare })
    }
}

impl HttpBody for Sent {
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

    fn sent(body: Option<Body>) -> Sent {
        let mut spare = reqwest::Request::new(
            http::Method::POST,
            Url::parse("http://example.com/").expect("a URL"),
        );
        *spare.body_mut() = body;
        let body = spare.try_clone().and_then(|mut request| request.body_mut().take());
        Sent { body: body.unwrap_or_default(), spare: Some(spare) }
    }

    /// KIND: memory that grows with every attempt. The whole body was copied before each.
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
