//! Active health checks: periodic requests to each endpoint, made by one thread for all cores.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderValue, Request, Uri, header, uri};
use rustls::ClientConfig;
use tokio::task::spawn_local;
use tokio::time::{interval, timeout};
use upshift_config::HealthCheck;

use crate::body::RequestBody;
use crate::generation::Generation;
use crate::upstream::connect::UpstreamConnector;
use crate::upstream::endpoint_health::EndpointHealth;
use crate::upstream::pool::EndpointPool;

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
    let request = check_request(endpoint, &check.path, connection.is_http2());
    connection.send_probe(request.map_err(io::Error::other)?).await.map_err(io::Error::other)
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
