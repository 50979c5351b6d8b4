//! Sends one POST on a connection of its own: to a webhook, or to a receiver of telemetry.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::time::timeout;
use upshift_config::{Address, UpstreamHttp};

use super::connect::UpstreamConnector;

/// A POST.
pub(crate) struct PostRequest<'a> {
    /// The URL.
    pub(crate) url: &'a str,
    /// `Content-Type`.
    pub(crate) content_type: &'static str,
    /// Further fields: names and values.
    pub(crate) headers: &'a [(String, String)],
    /// The content.
    pub(crate) body: Bytes,
}

impl PostRequest<'_> {
    /// Sends it, and returns the head of the response. The content of the response is not read.
    ///
    /// # Errors
    /// If there is no response within `limit`; the text says why.
    pub(crate) async fn send(
        &self,
        tls: Arc<ClientConfig>,
        limit: Duration,
    ) -> Result<(StatusCode, HeaderMap), String> {
        match timeout(limit, self.send_unbounded(tls, limit)).await {
            Ok(sent) => sent,
            Err(_) => Err(format!("no response within {} s", limit.as_secs_f64())),
        }
    }

    async fn send_unbounded(
        &self,
        tls: Arc<ClientConfig>,
        limit: Duration,
    ) -> Result<(StatusCode, HeaderMap), String> {
        let uri: Uri = self.url.parse().map_err(|error| format!("{error}"))?;
        let (endpoint, request) = (endpoint_of(&uri)?, self.to_request(&uri)?);
        let connector = UpstreamConnector::new(tls, limit);
        let connected = connector.connect(&endpoint, UpstreamHttp::V1_1).await;
        let (stream, _) = connected.map_err(|error| io::Error::from(error).to_string())?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
        let driving = tokio::spawn(connection);
        let response = sender.send_request(request).await;
        driving.abort();
        match response {
            Ok(response) => Ok((response.status(), response.into_parts().0.headers)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn to_request(&self, uri: &Uri) -> Result<Request<Full<Bytes>>, String> {
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let host = uri.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::post(target)
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, self.content_type)
            .header(header::USER_AGENT, concat!("upshift/", env!("CARGO_PKG_VERSION")));
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(self.body.clone())).map_err(|error| error.to_string())
    }
}

fn endpoint_of(uri: &Uri) -> Result<Address, String> {
    let Some(host) = uri.host() else { return Err("the address has no host".to_owned()) };
    let tls = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    // A URI has brackets around an IPv6 address, and a socket address has none.
    Ok(Address { tls, host: host.trim_matches(['[', ']']).to_owned(), port })
}
