//! One request on a connection of its own.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::task::JoinSet;
use tokio::time::timeout;
use upshift_config::{Address, UpstreamHttp};

use super::connect::UpstreamConnector;

/// A response, and its connection, which is closed when this is dropped.
pub(super) struct SingleResponse {
    pub(super) response: Response<Incoming>,
    _connection: JoinSet<hyper::Result<()>>,
}

/// Sends `request`, whose URI is a path, to the server of `url`. `limit` is for the connection
/// alone.
///
/// # Errors
/// If there is no response; the text says why.
pub(super) async fn send_single(
    url: &Uri,
    mut request: Request<Full<Bytes>>,
    tls: Arc<ClientConfig>,
    limit: Duration,
) -> Result<SingleResponse, String> {
    let endpoint = endpoint_of(url)?;
    let host = url.authority().map_or("", |authority| authority.as_str());
    let host = HeaderValue::from_str(host).map_err(|error| error.to_string())?;
    let product = HeaderValue::from_static(concat!("upshift/", env!("CARGO_PKG_VERSION")));
    request.headers_mut().insert(header::HOST, host);
    request.headers_mut().insert(header::USER_AGENT, product);
    let connector = UpstreamConnector::new(tls, limit);
    let connected = connector.connect(&endpoint, UpstreamHttp::V1_1).await;
    let (stream, _) = connected.map_err(|error| io::Error::from(error).to_string())?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, driven) = handshake.map_err(|error| error.to_string())?;
    let mut connection = JoinSet::new();
    connection.spawn(driven);
    match sender.send_request(request).await {
        Ok(response) => Ok(SingleResponse { response, _connection: connection }),
        Err(error) => Err(error.to_string()),
    }
}

/// Waits for the outcome of a request, at most for `limit`.
///
/// # Errors
/// Those of the request, or the limit in words.
pub(super) async fn send_within<T>(
    limit: Duration,
    sending: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    match timeout(limit, sending).await {
        Ok(sent) => sent,
        Err(_) => Err(format!("no response within {} s", limit.as_secs_f64())),
    }
}

fn endpoint_of(url: &Uri) -> Result<Address, String> {
    let Some(host) = url.host() else { return Err("the address has no host".to_owned()) };
    let tls = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if tls { 443 } else { 80 });
    // A URI has brackets around an IPv6 address, and a socket address has none.
    Ok(Address { tls, host: host.trim_matches(['[', ']']).to_owned(), port })
}
