//! Switching one connection by `OPTIONS *`, which carries nothing worth stealing (RFC 2817 §3.2).

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderName, UPGRADE};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use upshift_core::field::{Protocol, UpgradeList};
use upshift_core::follow::switched_protocol;
use upshift_http::HeaderFields;

use crate::BoxError;
use crate::connect::{Connector, PATIENCE};
use crate::head_limit::{InterimMeter, within_limits};

/// A connection that was switched.
pub(crate) struct Switched {
    pub(crate) tcp: TcpStream,
    /// What the server sent right behind its 101.
    pub(crate) ahead: Bytes,
}

/// Opens a connection and has the server switch it to `protocol`.
pub(crate) async fn switch(
    connector: Connector,
    uri: &Uri,
    protocol: Protocol,
    extra: Option<(HeaderName, HeaderValue)>,
) -> Result<Switched, BoxError> {
    let tcp = connector.clear(uri.clone()).await?;
    tokio::time::timeout(PATIENCE, ask(tcp, uri, protocol, extra))
        .await
        .map_err(|_| "the switch took too long")?
}

async fn ask(
    tcp: TcpStream,
    uri: &Uri,
    protocol: Protocol,
    extra: Option<(HeaderName, HeaderValue)>,
) -> Result<Switched, BoxError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(tcp)).await?;
    let driver = tokio::spawn(connection.with_upgrades());
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = Method::OPTIONS;
    *request.uri_mut() = Uri::from_static("*");
    let headers = request.headers_mut();
    headers.insert(HOST, host_field(uri)?);
    headers.insert(UPGRADE, HeaderValue::try_from(protocol.to_string())?);
    // RFC 7540 §3.2.1: HTTP2-Settings is a field of this connection alone.
    let option = extra.as_ref().map_or(String::new(), |(name, _)| format!(", {name}"));
    headers.insert(CONNECTION, HeaderValue::try_from(format!("Upgrade{option}"))?);
    headers.extend(extra);
    let meter = InterimMeter::attach(&mut request);
    // The time of the whole switch is bounded, so the connection is not watched.
    let response =
        within_limits(sender.send_request(request), meter, std::future::pending()).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(format!(
            "the server answered {} where a switch to {protocol} was asked for",
            response.status()
        )
        .into());
    }
    let offered = UpgradeList::new(vec![protocol]);
    switched_protocol(&HeaderFields(response.headers()), offered.as_ref())?;
    let upgraded = hyper::upgrade::on(response).await?;
    driver.await??;
    let parts = upgraded
        .downcast::<TokioIo<TcpStream>>()
        .map_err(|_| "the connection is of another kind")?;
    Ok(Switched { tcp: parts.io.into_inner(), ahead: parts.read_buf })
}

/// `Host` for this URL.
pub(crate) fn host_field(uri: &Uri) -> Result<HeaderValue, BoxError> {
    let authority = uri.authority().ok_or("the URL names no host")?.as_str();
    let bare = authority.rsplit_once('@').map_or(authority, |(_, bare)| bare);
    Ok(HeaderValue::from_str(bare)?)
}
