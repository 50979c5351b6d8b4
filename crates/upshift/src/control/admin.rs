//! Talking to the admin listeners of running gateways.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use upshift_config::make_visible;

use crate::failure::Failure;

/// How long a gateway may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// An answer is never longer.
const LONGEST: usize = 16 * 1024 * 1024;

/// Which gateways, and by what right.
#[derive(Clone, Debug, Args)]
pub(crate) struct Admin {
    /// The admin listener of a gateway, as often as there are gateways; a name with several addresses means all of them
    #[arg(
        long = "admin",
        value_name = "URL",
        env = "UPSHIFT_ADMIN",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:9426",
        value_parser = url
    )]
    urls: Vec<Uri>,
    /// The admin token, where one is asked for
    #[arg(long, value_name = "TOKEN", env = "UPSHIFT_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// One gateway.
#[derive(Debug)]
pub(crate) struct Replica {
    url: Uri,
    address: SocketAddr,
    /// Whether it is the only address of its name.
    alone: bool,
    token: Option<String>,
}

impl Admin {
    /// Every address of every URL.
    pub(crate) async fn replicas(&self) -> Result<Vec<Replica>, Failure> {
        let mut replicas = Vec::new();
        for url in &self.urls {
            let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
            let port = url.port_u16().unwrap_or(if is_https(url) { 443 } else { 80 });
            let failed = |error| Failure::environment(format_args!("cannot look up {host}: {error}"));
            let mut addresses: Vec<_> = tokio::net::lookup_host((host, port)).await.map_err(failed)?.collect();
            addresses.sort_unstable();
            addresses.dedup();
            // Of localhost's two addresses a gateway listens on one.
            if host.eq_ignore_ascii_case("localhost") {
                addresses.retain(SocketAddr::is_ipv4);
            }
            let alone = addresses.len() == 1;
            let token = || self.token.clone();
            replicas.extend(addresses.into_iter().map(|address| Replica {
                url: url.clone(),
                address,
                alone,
                token: token(),
            }));
        }
        Ok(replicas)
    }
}

impl Replica {
    /// The first address of `url`.
    pub(crate) async fn first(url: Uri, token: Option<String>) -> Result<Self, Failure> {
        let found = Admin { urls: vec![url], token }.replicas().await?.into_iter().next();
        found.ok_or_else(|| Failure::environment("that name has no address"))
    }

    /// As it is named to people.
    pub(crate) fn name(&self) -> String {
        let authority = self.url.authority().map_or("", http::uri::Authority::as_str);
        if self.alone { authority.to_owned() } else { format!("{authority} ({})", self.address.ip()) }
    }

    /// Sends `body` to `/api/WHAT`; an error is in words.
    pub(crate) async fn post<T: DeserializeOwned>(&self, what: &str, body: &impl Serialize) -> Result<T, String> {
        let body = serde_json::to_string(body).map_err(|error| error.to_string())?;
        self.ask(Method::POST, what, body).await
    }

    /// Reads `/api/WHAT`; an error is in words.
    pub(crate) async fn get<T: DeserializeOwned>(&self, what: &str) -> Result<T, String> {
        self.ask(Method::GET, what, String::new()).await
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, what: &str, body: String) -> Result<T, String> {
        let base = self.url.path().trim_end_matches('/');
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{base}/api/{what}"))
            .header(header::HOST, self.url.authority().map_or("", http::uri::Authority::as_str))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
        let answer = timeout(PATIENCE, self.exchange(request)).await.map_err(|_| "it did not answer in time")?;
        let (status, body) = answer?;
        if status.is_success() {
            // The error quotes what it does not understand.
            return serde_json::from_slice(&body)
                .map_err(|error| format!("its answer is not understood: {}", make_visible(&error.to_string())));
        }
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        Err(match (status, problem["detail"].as_str()) {
            (StatusCode::UNAUTHORIZED, _) => "it wants its admin token: --token or UPSHIFT_TOKEN".to_owned(),
            (_, Some(detail)) => make_visible(detail).into_owned(),
            (StatusCode::NOT_FOUND, None) => "there is no admin API at this address".to_owned(),
            (status, None) => format!("it answered {status}"),
        })
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), String> {
        let reached = TcpStream::connect(self.address).await;
        let tcp = reached.map_err(|error| format!("it cannot be reached at {}: {error}", self.address))?;
        if is_https(&self.url) {
            let host = self.url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
            let connector = tokio_rustls::TlsConnector::from(Arc::new(tls()?));
            let tls = connector.connect(name, tcp).await.map_err(|error| format!("TLS with it failed: {error}"))?;
            return exchange_over(tls, request).await;
        }
        exchange_over(tcp, request).await
    }
}

async fn exchange_over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), String> {
    let in_words = |error: hyper::Error| format!("talking to it failed: {error}");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(in_words)?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(in_words)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    Ok((status, body.map_err(|error| format!("its answer broke off: {error}"))?.to_bytes()))
}

/// Runs what talks to gateways.
pub(crate) fn on_a_runtime<T>(talk: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::environment)?.block_on(talk)
}

/// The name that a change is signed with: a person's, and the machine's.
pub(crate) fn whoami() -> String {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "somebody".to_owned());
    let host = std::fs::read_to_string("/etc/hostname").ok().map(|host| host.trim().to_owned());
    match host.filter(|host| !host.is_empty()) {
        Some(host) => format!("{user}@{host}"),
        None => user,
    }
}

/// Reads `http://host:port`.
pub(crate) fn url(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => Ok(uri),
        _ => Err("expected an address such as http://127.0.0.1:9426".to_owned()),
    }
}

fn is_https(url: &Uri) -> bool {
    url.scheme_str() == Some("https")
}

fn tls() -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_urls() {
        assert!(url("http://127.0.0.1:9426").is_ok() && url("https://gw.example/base").is_ok());
        for wrong in ["127.0.0.1:9426", "ftp://gw", "http://", ""] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn every_address_is_a_gateway_and_is_named() {
        let urls = ["http://127.0.0.1:9426", "http://[::1]:9426", "http://localhost:1"];
        let admin = Admin { urls: urls.iter().filter_map(|text| url(text).ok()).collect(), token: None };
        let names: Vec<_> = admin.replicas().await.into_iter().flatten().map(|replica| replica.name()).collect();
        assert_eq!(names, ["127.0.0.1:9426", "[::1]:9426", "localhost:1"]);
    }
}
