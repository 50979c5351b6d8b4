//! Telling somebody outside that the breaker tripped: one POST of JSON, tried a few times.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use upshift_adoption::breaker::Crossing;

use crate::upstream::UpstreamConnector;
use upshift_config::{Address, UpstreamHttp};

/// How long one try may take, and how long to wait before each.
const PATIENCE: Duration = Duration::from_secs(10);
const WAITS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)];

/// Something to be told, and where.
#[derive(Debug)]
pub(crate) struct Hooked {
    pub(crate) address: String,
    pub(crate) body: String,
}

/// The report of a crossing. `text` is what chat programs show; no identity and no network is in
/// it.
pub(crate) fn body(Crossing { trip, trips }: &Crossing) -> String {
    let (rule, sentence) = (&trip.rule, trip.sentence());
    let text = if *trips {
        format!(
            "Upshift's breaker tripped: rule {rule} only warns until it is resumed. {sentence}."
        )
    } else {
        format!(
            "Upshift's breaker did not trip: one network alone crosses the limit of rule {rule}. {sentence}."
        )
    };
    serde_json::json!({
        "event": if *trips { "breaker-tripped" } else { "breaker-withheld" },
        "text": text,
        "rule": trip.rule.as_ref(),
        "phase": trips.then_some("warn"),
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

/// Delivers what comes, each by itself, until nothing can come any more.
pub(crate) async fn deliver(
    mut told: mpsc::UnboundedReceiver<(Hooked, Arc<rustls::ClientConfig>)>,
) {
    while let Some((hooked, tls)) = told.recv().await {
        tokio::spawn(async move { insist(&hooked, tls).await });
    }
}

async fn insist(hooked: &Hooked, tls: Arc<rustls::ClientConfig>) {
    for (tries, wait) in WAITS.into_iter().enumerate() {
        sleep(wait).await;
        match timeout(PATIENCE, post(hooked, Arc::clone(&tls))).await {
            Ok(Ok(status)) if status.is_success() => {
                tracing::info!(address = hooked.address, %status, "the webhook was told");
                return;
            }
            Ok(Ok(status)) => {
                tracing::warn!(address = hooked.address, %status, tries, "the webhook did not take it");
            }
            Ok(Err(error)) => tracing::warn!(
                address = hooked.address,
                error,
                tries,
                "the webhook was not reached"
            ),
            Err(_) => tracing::warn!(address = hooked.address, tries, "the webhook took too long"),
        }
    }
    tracing::error!(address = hooked.address, "the webhook was given up");
}

async fn post(hooked: &Hooked, tls: Arc<rustls::ClientConfig>) -> Result<http::StatusCode, String> {
    let uri: Uri = hooked.address.parse().map_err(|error| format!("{error}"))?;
    let over_tls = uri.scheme_str() == Some("https");
    let host = uri.host().ok_or("there is no host in it")?;
    let port = uri.port_u16().unwrap_or(if over_tls { 443 } else { 80 });
    let address = Address { tls: over_tls, host: host.trim_matches(['[', ']']).to_owned(), port };
    let connector = UpstreamConnector::new(tls, PATIENCE);
    let opened = connector.connect(&address, UpstreamHttp::V1_1).await;
    let (stream, _) = opened.map_err(|error| format!("{error:?}"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let driving = tokio::spawn(connection);
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let request = Request::post(target)
        .header(header::HOST, uri.authority().map_or(host, |authority| authority.as_str()))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("upshift/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(hooked.body.clone())))
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string());
    driving.abort();
    Ok(response?.status())
}
