//! The switch of one connection to another protocol by `OPTIONS *` (RFC 2817 §3.2), which carries
//! no confidential data.

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
use crate::connect::OriginConnector;
use crate::interim::{InterimMeter, within_limits};
use crate::tls::HANDSHAKE_TIMEOUT;

/// A connection that was switched.
pub(crate) struct SwitchedConnection {
    pub(crate) tcp: TcpStream,
    /// The bytes that the server sent right after its 101.
    pub(crate) ahead: Bytes,
}

/// Opens a connection and has the server switch it to `protocol`. `extra` is a field of the request
/// that is for this connection alone.
pub(crate) async fn switch_connection(
    connector: OriginConnector,
    uri: &Uri,
    protocol: Protocol,
    extra: Option<(HeaderName, HeaderValue)>,
) -> Result<SwitchedConnection, BoxError> {
    let tcp = connector.connect_cleartext(uri.clone()).await?;
    let request = switch_request(uri, &protocol, extra)?;
    let switching = request_switch(tcp, request, protocol);
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, switching).await {
        Ok(outcome) => outcome,
        Err(_) => Err("the switch took too long".into()),
    }
}

fn switch_request(
    uri: &Uri,
    protocol: &Protocol,
    extra: Option<(HeaderName, HeaderValue)>,
) -> Result<Request<Empty<Bytes>>, BoxError> {
    let mut request = Request::new(Empty::new());
    *request.method_mut() = Method::OPTIONS;
    *request.uri_mut() = Uri::from_static("*");
    let headers = request.headers_mut();
    headers.insert(HOST, host_field(uri)?);
    headers.insert(UPGRADE, HeaderValue::try_from(protocol.to_string())?);
    // RFC 7540 §3.2.1: `HTTP2-Settings` is a field of this connection alone, so `Connection` names
    // it.
    let options = match &extra {
        Some((name, _)) => format!("Upgrade, {name}"),
        None => "Upgrade".to_owned(),
    };
    headers.insert(CONNECTION, HeaderValue::try_from(options)?);
    headers.extend(extra);
    Ok(request)
}

async fn request_switch(
    tcp: TcpStream,
    mut request: Request<Empty<Bytes>>,
    protocol: Protocol,
) -> Result<SwitchedConnection, BoxError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(tcp)).await?;
    let driver = tokio::spawn(connection.with_upgrades());
    let meter = InterimMeter::attach_to(&mut request);
    // The time of the whole switch is limited, so the connection is not watched.
    let sending = sender.send_request(request);
    let response = within_limits(sending, meter, std::future::pending()).await?;
    let status = response.status();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let text =
            format!("the server answered {status} where a switch to {protocol} was asked for");
        return Err(text.into());
    }
    let offered = UpgradeList::new(vec![protocol]);
    switched_protocol(&HeaderFields(response.headers()), offered.as_ref())?;
    let upgraded = hyper::upgrade::on(response).await?;
    // The connection task has to end before its socket can be taken out.
    driver.await??;
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
        return Err("the connection is of another type".into());
    };
    Ok(SwitchedConnection { tcp: parts.io.into_inner(), ahead: parts.read_buf })
}

/// The value of `Host` for this URL.
pub(crate) fn host_field(uri: &Uri) -> Result<HeaderValue, BoxError> {
    let authority = uri.authority().ok_or("the URL names no host")?.as_str();
    let without_user = match authority.rsplit_once('@') {
        Some((_, host)) => host,
        None => authority,
    };
    Ok(HeaderValue::from_str(without_user)?)
}
