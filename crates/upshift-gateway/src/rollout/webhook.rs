//! The webhook: one POST of JSON when a breaker crosses its limit, with retries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use upshift_adoption::breaker::Crossing;
use upshift_config::{Address, UpstreamHttp};

use crate::upstream::UpstreamConnector;

/// The time limit of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// The waits before each attempt.
const WAITS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)];

/// A report to be delivered, and its address.
#[derive(Debug)]
pub(crate) struct WebhookDelivery {
    pub(crate) address: String,
    pub(crate) body: String,
}

/// The JSON that reports a crossing. Chat programs show `text`. It contains no identity and no
/// network.
pub(crate) fn report_body(Crossing { trip, trips }: &Crossing) -> String {
    let (rule, sentence) = (&trip.rule, trip.summary());
    let (event, phase, text) = if *trips {
        let text = format!(
            "Upshift's breaker tripped: rule {rule} only warns until it is resumed. {sentence}."
        );
        ("breaker-tripped", Some("warn"), text)
    } else {
        let text = format!(
            "Upshift's breaker did not trip: one network alone crosses the limit of rule {rule}. \
             {sentence}."
        );
        ("breaker-withheld", None, text)
    };
    serde_json::json!({
        "event": event,
        "text": text,
        "rule": rule.as_ref(),
        "phase": phase,
        "at": trip.at.to_string(),
        "seen": trip.seen,
        "refused": trip.refused,
        "share": trip.share(),
        "concentration": trip.concentration(),
        "refused_share": trip.limits.refused_share,
        "window": trip.limits.window,
        "minimum": trip.limits.minimum,
    })
    .to_string()
}

/// Delivers what is queued, each in a task of its own, until the sender is dropped.
pub(crate) async fn deliver_all(
    mut queued: mpsc::UnboundedReceiver<(WebhookDelivery, Arc<rustls::ClientConfig>)>,
) {
    while let Some((delivery, tls)) = queued.recv().await {
        tokio::spawn(async move { deliver_with_retries(&delivery, tls).await });
    }
}

async fn deliver_with_retries(delivery: &WebhookDelivery, tls: Arc<rustls::ClientConfig>) {
    let address = &delivery.address;
    for (attempt, wait) in WAITS.into_iter().enumerate() {
        sleep(wait).await;
        match timeout(ATTEMPT_TIMEOUT, post_once(delivery, Arc::clone(&tls))).await {
            Ok(Ok(status)) if status.is_success() => {
                tracing::info!(address, %status, "the webhook was delivered");
                return;
            }
            Ok(Ok(status)) => {
                tracing::warn!(address, %status, attempt, "the webhook was rejected");
            }
            Ok(Err(error)) => {
                tracing::warn!(address, error, attempt, "the webhook could not be delivered");
            }
            Err(_) => tracing::warn!(address, attempt, "the webhook timed out"),
        }
    }
    tracing::error!(address, "the webhook was not delivered, and is not tried again");
}

async fn post_once(
    delivery: &WebhookDelivery,
    tls: Arc<rustls::ClientConfig>,
) -> Result<StatusCode, String> {
    let uri: Uri = delivery.address.parse().map_err(|error| format!("{error}"))?;
    let (endpoint, request) = (webhook_endpoint(&uri)?, webhook_request(&uri, &delivery.body)?);
    let connector = UpstreamConnector::new(tls, ATTEMPT_TIMEOUT);
    let connected = connector.connect(&endpoint, UpstreamHttp::V1_1).await;
    let (stream, _) = connected.map_err(|error| format!("{error:?}"))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
    let driving = tokio::spawn(connection);
    let response = sender.send_request(request).await;
    // The response's body is not read.
    driving.abort();
    match response {
        Ok(response) => Ok(response.status()),
        Err(error) => Err(error.to_string()),
    }
}

fn webhook_endpoint(uri: &Uri) -> Result<Address, String> {
    let Some(host) = uri.host() else { return Err("the address has no host".to_owned()) };
    let tls = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    // A URI has brackets around an IPv6 address, and a socket address has none.
    Ok(Address { tls, host: host.trim_matches(['[', ']']).to_owned(), port })
}

fn webhook_request(uri: &Uri, body: &str) -> Result<Request<Full<Bytes>>, String> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    Request::post(target)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("upshift/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(body.to_owned())))
        .map_err(|error| error.to_string())
}
