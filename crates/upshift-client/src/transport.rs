//! From a request and its route to a connection of the right kind.
//!
//! Each kind of route has a pool of its own, so that a request which needs HTTP/2, or TLS 1.3, is
//! never put on a connection that was opened for one which does not.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Version, uri::Scheme};
use http_body_util::combinators::UnsyncBoxBody;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::{Connected, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;
use upshift_core::TlsVersion;

use crate::checked_body::checked;
use crate::connect::{Connector, Trust, tls_config};
use crate::head_limit::{InterimMeter, within_limits};
use crate::request::without_user;
use crate::route::{Http, Route};
use crate::watched::HeadWatch;
use crate::{Body, BoxError, h2c, h3, in_band};

/// The body of a response of [`Transport`].
pub type Incoming = UnsyncBoxBody<Bytes, BoxError>;

/// A client that goes the [`Route`] of each request, and follows nothing. Clones share its
/// connections.
#[derive(Clone)]
pub struct Transport(Arc<Shared>);

struct Shared {
    trust: Trust,
    head_patience: Duration,
    pools: Mutex<Pools>,
    http3: h3::Connections,
}

/// By what is offered and the oldest TLS.
type Pools = HashMap<(Offer, Option<TlsVersion>), Pool<Connector, Body>>;

/// What ALPN offers, or, in clear, which version is spoken from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Offer {
    Any,
    Http1,
    Http2,
}

impl Transport {
    pub(crate) fn new(trust: Trust, head_patience: Duration) -> Self {
        let http3 = h3::Connections::new(trust.clone(), head_patience);
        Self(Arc::new(Shared { trust, head_patience, pools: Mutex::default(), http3 }))
    }

    fn pool(
        &self,
        offer: Offer,
        minimum: Option<TlsVersion>,
    ) -> Result<Pool<Connector, Body>, BoxError> {
        let mut pools = self.0.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(&(offer, minimum)) {
            return Ok(pool.clone());
        }
        let alpn: &[&[u8]] = match offer {
            Offer::Any => &[b"h2", b"http/1.1"],
            Offer::Http1 => &[b"http/1.1"],
            Offer::Http2 => &[b"h2"],
        };
        let config = Arc::new(tls_config(&self.0.trust, minimum, alpn)?);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http2_only(offer == Offer::Http2)
            .http2_adaptive_window(true)
            .build(
                Connector::new(config, self.0.head_patience)
                    .with_prior_knowledge(offer == Offer::Http2),
            );
        pools.insert((offer, minimum), pool.clone());
        Ok(pool)
    }

    async fn send(self, mut request: Request<Body>) -> Result<Response<Incoming>, BoxError> {
        let route = request.extensions().get::<Route>().copied().unwrap_or_default();
        *request.uri_mut() = without_user(request.uri())?;
        let secure = request.uri().scheme() == Some(&Scheme::HTTPS);
        if route.tls > Some(TlsVersion::V1_3) {
            return Err("no TLS newer than 1.3 is known here".into());
        }
        match route.http {
            Http::Http3(port) if secure => self.0.http3.send(request, port).await,
            Http::Http3(_) => Err("HTTP/3 needs an https URL".into()),
            Http::TlsInBand if !secure => {
                let config = tls_config(&self.0.trust, route.tls, &[])?;
                in_band::send(self.connector()?, Arc::new(config), request).await
            }
            Http::H2c if !secure => h2c::send(self.connector()?, request).await,
            Http::Any | Http::Http1 | Http::Http2 | Http::TlsInBand | Http::H2c => {
                let offer = match route.http {
                    Http::Http1 => Offer::Http1,
                    Http::Http2 => Offer::Http2,
                    // HTTP/1.0 and Upgrade are HTTP/1's alone.
                    _ if request.version() == Version::HTTP_10
                        || request.headers().contains_key("upgrade") =>
                    {
                        Offer::Http1
                    }
                    _ => Offer::Any,
                };
                if request.version() > Version::HTTP_11 {
                    *request.version_mut() = Version::HTTP_11;
                }
                pooled(&self.pool(offer, route.tls)?, request).await
            }
        }
    }

    /// For connections outside the pools.
    fn connector(&self) -> Result<Connector, BoxError> {
        Ok(Connector::new(Arc::new(tls_config(&self.0.trust, None, &[])?), self.0.head_patience))
    }
}

/// Sends a request on a connection of a pool.
async fn pooled(
    pool: &Pool<Connector, Body>,
    mut request: Request<Body>,
) -> Result<Response<Incoming>, BoxError> {
    let method = request.method().clone();
    let meter = InterimMeter::attach(&mut request);
    let captured = capture_connection(&mut request);
    let mut chosen = captured.clone();
    let watch = async move {
        let found = head_watch(chosen.wait_for_connection_metadata().await.as_ref());
        match found {
            Some(watch) => watch,
            None => std::future::pending().await,
        }
    };
    let response = within_limits(pool.request(request), meter, watch).await.map_err(|error| {
        let limit =
            head_watch(captured.connection_metadata().as_ref()).and_then(|watch| watch.limit());
        limit.map_or(error, BoxError::from)
    })?;
    Ok(checked(response, &method)?)
}

fn head_watch(connected: Option<&Connected>) -> Option<HeadWatch> {
    let mut extensions = http::Extensions::new();
    connected?.get_extras(&mut extensions);
    extensions.remove()
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Incoming>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Incoming>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}
