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

use http::{Request, Response, Version, uri::Scheme};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::{Connected, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;
use upshift_core::TlsVersion;

use crate::body::TransportBody;
use crate::checked_body::check_response;
use crate::connect::OriginConnector;
use crate::h2c::send_over_h2c;
use crate::h3::Http3Connections;
use crate::head_limited_stream::HeadWatch;
use crate::in_band::send_over_in_band_tls;
use crate::interim::{InterimMeter, within_limits};
use crate::outgoing_head::without_user;
use crate::route::{Http, Route};
use crate::tls::{ServerTrust, tls_config};
use crate::{BoxError, SendBody};

/// A client on hyper, quinn and rustls that takes the [`Route`] of each request and follows
/// nothing. Clones share its connections.
#[derive(Clone)]
pub struct HyperTransport(Arc<TransportState>);

struct TransportState {
    trust: ServerTrust,
    head_timeout: Duration,
    pools: Mutex<HashMap<PoolKey, ConnectionPool>>,
    http3: Http3Connections,
}

type ConnectionPool = HyperClient<OriginConnector, SendBody>;

/// The properties that the connections of a pool share: the offer and the oldest TLS.
type PoolKey = (AlpnOffer, Option<TlsVersion>);

/// The versions of HTTP that ALPN offers. Over cleartext, the version that is spoken from the
/// start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum AlpnOffer {
    Any,
    Http1,
    Http2,
}

impl AlpnOffer {
    fn of_request<B>(request: &Request<B>, http: Http) -> Self {
        match http {
            Http::Http1 => Self::Http1,
            Http::Http2 => Self::Http2,
            // HTTP/1.0 and `Upgrade` exist in HTTP/1 only.
            _ if request.version() == Version::HTTP_10
                || request.headers().contains_key("upgrade") =>
            {
                Self::Http1
            }
            _ => Self::Any,
        }
    }

    fn protocols(self) -> &'static [&'static [u8]] {
        match self {
            Self::Any => &[b"h2", b"http/1.1"],
            Self::Http1 => &[b"http/1.1"],
            Self::Http2 => &[b"h2"],
        }
    }
}

impl HyperTransport {
    pub(crate) fn new(trust: ServerTrust, head_timeout: Duration) -> Self {
        let http3 = Http3Connections::new(trust.clone(), head_timeout);
        Self(Arc::new(TransportState { trust, head_timeout, pools: Mutex::default(), http3 }))
    }

    async fn send_request(
        self,
        mut request: Request<SendBody>,
    ) -> Result<Response<TransportBody>, BoxError> {
        let route = request.extensions().get::<Route>().copied().unwrap_or_default();
        *request.uri_mut() = without_user(request.uri())?;
        let is_secure = request.uri().scheme() == Some(&Scheme::HTTPS);
        if route.tls > Some(TlsVersion::V1_3) {
            return Err("this client supports no TLS newer than 1.3".into());
        }
        match route.http {
            Http::Http3(port) if is_secure => self.0.http3.send_request(request, port).await,
            Http::Http3(_) => Err("HTTP/3 needs an https URL".into()),
            Http::TlsInBand if !is_secure => {
                let config = tls_config(&self.0.trust, route.tls, &[])?;
                send_over_in_band_tls(self.new_connector()?, Arc::new(config), request).await
            }
            Http::H2c if !is_secure => send_over_h2c(self.new_connector()?, request).await,
            Http::Any | Http::Http1 | Http::Http2 | Http::TlsInBand | Http::H2c => {
                let offer = AlpnOffer::of_request(&request, route.http);
                // hyper's client sends no request whose version is newer than its connection's.
                if request.version() > Version::HTTP_11 {
                    *request.version_mut() = Version::HTTP_11;
                }
                send_pooled(&self.pool_for(offer, route.tls)?, request).await
            }
        }
    }

    fn pool_for(
        &self,
        offer: AlpnOffer,
        minimum: Option<TlsVersion>,
    ) -> Result<ConnectionPool, BoxError> {
        let mut pools = self.0.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(&(offer, minimum)) {
            return Ok(pool.clone());
        }
        let is_http2_only = offer == AlpnOffer::Http2;
        let config = Arc::new(tls_config(&self.0.trust, minimum, offer.protocols())?);
        let connector = OriginConnector::new(config, self.0.head_timeout);
        let pool = HyperClient::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http2_only(is_http2_only)
            .http2_adaptive_window(true)
            .build(connector.with_prior_knowledge(is_http2_only));
        pools.insert((offer, minimum), pool.clone());
        Ok(pool)
    }

    /// A connector for connections outside the pools.
    fn new_connector(&self) -> Result<OriginConnector, BoxError> {
        let config = tls_config(&self.0.trust, None, &[])?;
        Ok(OriginConnector::new(Arc::new(config), self.0.head_timeout))
    }
}

/// Sends a request on a connection of a pool.
async fn send_pooled(
    pool: &ConnectionPool,
    mut request: Request<SendBody>,
) -> Result<Response<TransportBody>, BoxError> {
    let method = request.method().clone();
    let meter = InterimMeter::attach_to(&mut request);
    let captured = capture_connection(&mut request);
    let mut chosen = captured.clone();
    let watch = async move {
        // The metadata are behind a lock whose guard must not be held over an await.
        let found = head_watch_of(chosen.wait_for_connection_metadata().await.as_ref());
        match found {
            Some(watch) => watch,
            // The request got no connection, and fails by itself.
            None => std::future::pending().await,
        }
    };
    match within_limits(pool.request(request), meter, watch).await {
        Ok(response) => Ok(check_response(response, &method)?),
        Err(error) => {
            // Over HTTP/2 the codec reports an I/O error; the limit behind it is kept by the watch.
            let watch = head_watch_of(captured.connection_metadata().as_ref());
            match watch.and_then(|watch| watch.exceeded_limit()) {
                Some(limit) => Err(limit.into()),
                None => Err(error),
            }
        }
    }
}

fn head_watch_of(connected: Option<&Connected>) -> Option<HeadWatch> {
    let mut extensions = http::Extensions::new();
    connected?.get_extras(&mut extensions);
    extensions.remove()
}

impl Service<Request<SendBody>> for HyperTransport {
    type Response = Response<TransportBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<TransportBody>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<SendBody>) -> Self::Future {
        Box::pin(self.clone().send_request(request))
    }
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport").finish_non_exhaustive()
    }
}
