//! Active health checks: periodic requests to each endpoint, made by one thread for all cores.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Uri, header, uri};
use rustls::ClientConfig;
use tokio::task::spawn_local;
use tokio::time::{interval, timeout};
use upshift_config::HealthCheck;
use upshift_http1::Framing;

use crate::body::RequestBody;
use crate::fields::names::ReceivedNames;
use crate::generation::Generation;
use crate::upstream::connect::UpstreamConnector;
use crate::upstream::endpoint_health::EndpointHealth;
use crate::upstream::http1::{Http1Connection, Http1Error, Http1Exchange, Http1Request};
use crate::upstream::pool::{EndpointPool, PooledConnection};

/// The interval at which due checks are looked for.
const TICK: Duration = Duration::from_millis(100);

/// The `User-Agent` of a health check.
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("upshift-health-check/", env!("CARGO_PKG_VERSION")));

/// Checks the endpoints of the current generation. Never returns.
pub(crate) async fn run_health_checks(generation: &ArcSwap<Generation>) {
    let mut ticks = interval(TICK);
    loop {
        ticks.tick().await;
        start_due_checks(&generation.load());
    }
}

fn start_due_checks(generation: &Generation) {
    for (upstream, tls) in generation.upstream_health.iter().zip(&generation.upstream_tls) {
        let Some(check) = &upstream.check else { continue };
        for endpoint in &upstream.endpoints {
            if endpoint.take_due_check(check.interval) {
                // Each check is a task: a slow endpoint must not delay the checks of the others.
                spawn_local(check_endpoint(Arc::clone(endpoint), check.clone(), Arc::clone(tls)));
            }
        }
    }
}

async fn check_endpoint(endpoint: Arc<EndpointHealth>, check: HealthCheck, tls: Arc<ClientConfig>) {
    let result = match timeout(check.timeout, request_status(&endpoint, &check, tls)).await {
        Ok(Ok(status)) if check.expects(status) => Ok(()),
        Ok(Ok(status)) => Err(format!("it answered {status}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it did not answer within {:?}", check.timeout)),
    };
    endpoint.record_check(&check, result);
}

/// Sends the check on a new connection and returns the status of the response.
async fn request_status(
    endpoint: &Arc<EndpointHealth>,
    check: &HealthCheck,
    tls: Arc<ClientConfig>,
) -> io::Result<u16> {
    // Without a descriptor budget: checks use the reserve, so that a gateway that is short of
    // descriptors does not take its endpoints for unhealthy.
    let connector = Rc::new(UpstreamConnector::new(tls, check.timeout));
    let pool = EndpointPool::new(Arc::clone(endpoint), connector);
    let connection = pool.open_connection().await?;
    let is_http2 = matches!(connection, PooledConnection::Http2(_));
    let request = check_request(endpoint, &check.path, is_http2).map_err(io::Error::other)?;
    match connection {
        PooledConnection::Http1(connection, _) => {
            check_http1(connection, request).await.map_err(io::Error::other)
        }
        PooledConnection::Http2(mut sender) => {
            let response = sender.send_request(request).await.map_err(io::Error::other)?;
            Ok(response.status().as_u16())
        }
    }
}

fn check_request(
    endpoint: &EndpointHealth,
    path: &str,
    http2: bool,
) -> Result<Request<RequestBody>, http::Error> {
    let origin = endpoint.name.parse::<Uri>()?.into_parts();
    let authority = origin.authority.as_ref().map_or("", uri::Authority::as_str);
    let builder = Request::get(path).header(header::USER_AGENT, USER_AGENT);
    if !http2 {
        return builder
            .header(header::HOST, authority)
            .header(header::CONNECTION, "close")
            .body(RequestBody::empty());
    }
    // RFC 9113 §8.3.1: `:authority` in place of `Host`.
    let scheme = origin.scheme.unwrap_or(uri::Scheme::HTTP);
    let target = Uri::builder().scheme(scheme).authority(authority).path_and_query(path);
    builder.uri(target.build()?).body(RequestBody::empty())
}

/// Sends the check over HTTP/1.1.
async fn check_http1(
    connection: Box<Http1Connection>,
    request: Request<RequestBody>,
) -> Result<u16, Http1Error> {
    let (mut parts, body) = request.into_parts();
    let host = parts.headers.remove(header::HOST).unwrap_or(HeaderValue::from_static(""));
    let root = PathAndQuery::from_static("/");
    let head = Http1Request {
        method: &parts.method,
        target: parts.uri.path_and_query().unwrap_or(&root),
        host: &host,
        headers: &parts.headers,
        names: ReceivedNames::default(),
        trailers: false,
        expects_continue: false,
        framing: Framing::None,
    };
    let mut exchange = Http1Exchange::begin(connection, None, &head)?;
    exchange.attach_body(body);
    let response = loop {
        let head = poll_fn(|cx| exchange.poll_head(cx)).await?;
        if !head.is_interim {
            break head.response;
        }
    };
    Ok(response.status().as_u16())
}
