//! Requests to the admin listeners of running gateways.

use std::fmt::{self, Display};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use upshift_config::make_visible;

use crate::account::process_account;
use crate::runtime::build_runtime;
use crate::verb_error::VerbError;

/// The time limit for the answer of a gateway, and for looking up a name.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(5);
/// The most bytes that are read of an answer.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The flags that name gateways, and the token that they ask for.
#[derive(Clone, Debug, Args)]
pub(crate) struct AdminArgs {
    /// The admin listener of a gateway; repeat it for more gateways. A name with several addresses
    /// means all of them
    #[arg(
        long = "admin",
        value_name = "URL",
        env = "UPSHIFT_ADMIN",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:9426",
        value_parser = parse_admin_url
    )]
    urls: Vec<Uri>,
    /// The admin token, if the gateways ask for one
    #[arg(long, value_name = "TOKEN", env = "UPSHIFT_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// A running gateway, by the address of its admin listener.
#[derive(Clone, Debug)]
pub(crate) struct RemoteGateway {
    url: Uri,
    /// The address; an error if it could not be looked up.
    address: Result<SocketAddr, String>,
    /// True if the name has no other address.
    is_only_address: bool,
    token: Option<String>,
}

/// The reason why a gateway did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GatewayError {
    pub(crate) kind: GatewayErrorKind,
    message: String,
    /// There was no connection at all.
    is_connection: bool,
}

/// The step at which a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GatewayErrorKind {
    /// The gateway did not receive the request, or rejected it unread.
    Unreached,
    /// The gateway may have received the request and carried it out.
    Unanswered,
    /// The gateway understood the request and refused it, with this code.
    Refused(String),
}

impl AdminArgs {
    /// Every address of every URL, each once. A name that cannot be looked up counts as a gateway
    /// that cannot be reached.
    pub(crate) async fn gateways(&self) -> Vec<RemoteGateway> {
        // All at once, so that a name that cannot be looked up costs its time limit only once.
        let mut lookups = JoinSet::new();
        for (index, url) in self.urls.iter().cloned().enumerate() {
            lookups.spawn(async move { (index, look_up_host(&url).await, url) });
        }
        let mut found = lookups.join_all().await;
        // `join_all` returns them in the order in which they ended.
        found.sort_by_key(|(index, ..)| *index);
        let mut gateways: Vec<RemoteGateway> = Vec::new();
        for (_, lookup, url) in found {
            let mut addresses = Vec::new();
            match lookup {
                Ok(found) => addresses.extend(found.into_iter().map(Ok)),
                Err(error) => addresses.push(Err(error)),
            }
            let is_only_address = addresses.len() == 1;
            for address in addresses {
                // A gateway that is named twice must not be sent a change twice.
                if gateways.iter().any(|known| known.url == url && known.address == address) {
                    continue;
                }
                let (url, token) = (url.clone(), self.token.clone());
                gateways.push(RemoteGateway { url, address, is_only_address, token });
            }
        }
        gateways
    }
}

/// The addresses of the host of a URL.
async fn look_up_host(url: &Uri) -> Result<Vec<SocketAddr>, String> {
    let host = host_of(url);
    let port = url.port_u16().unwrap_or(if is_https(url) { 443 } else { 80 });
    let mut addresses: Vec<SocketAddr> =
        match timeout(TIME_LIMIT, tokio::net::lookup_host((host, port))).await {
            Ok(Ok(found)) => found.collect(),
            Ok(Err(error)) => return Err(format!("cannot look up {host}: {error}")),
            Err(_) => return Err(format!("looking up {host} timed out")),
        };
    // A resolver may return an address twice, and rotate them at each call.
    addresses.sort_unstable();
    addresses.dedup();
    // A gateway listens on one of the two addresses of localhost, by default on the IPv4 one.
    if host.eq_ignore_ascii_case("localhost") {
        addresses.retain(SocketAddr::is_ipv4);
    }
    if addresses.is_empty() { Err(format!("{host} has no address")) } else { Ok(addresses) }
}

impl GatewayError {
    fn new(kind: GatewayErrorKind, message: impl Display) -> Self {
        Self { kind, message: message.to_string(), is_connection: false }
    }

    fn unreached(message: impl Display) -> Self {
        Self::new(GatewayErrorKind::Unreached, message)
    }

    fn unanswered(message: impl Display) -> Self {
        Self::new(GatewayErrorKind::Unanswered, message)
    }

    fn refused(code: &str, message: impl Display) -> Self {
        Self::new(GatewayErrorKind::Refused(code.to_owned()), message)
    }

    /// The code with which the gateway refused.
    pub(crate) fn code(&self) -> Option<&str> {
        match &self.kind {
            GatewayErrorKind::Refused(code) => Some(code),
            GatewayErrorKind::Unreached | GatewayErrorKind::Unanswered => None,
        }
    }
}

impl Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl RemoteGateway {
    /// The gateway at the first address of `url`.
    pub(crate) async fn at_first_address(
        url: Uri,
        token: Option<String>,
    ) -> Result<Self, VerbError> {
        let gateways = AdminArgs { urls: vec![url], token }.gateways().await;
        match gateways.into_iter().next() {
            Some(gateway) => Ok(gateway),
            None => Err(VerbError::environment("that name has no address")),
        }
    }

    /// The name of the gateway for people: the authority of its URL, and the address if that is
    /// one of several.
    pub(crate) fn name(&self) -> String {
        match &self.address {
            Ok(address) if !self.is_only_address => format!("{} ({})", self.host(), address.ip()),
            _ => self.host().to_owned(),
        }
    }

    /// The URL as it was given.
    pub(crate) fn url(&self) -> &Uri {
        &self.url
    }

    /// The error that ends a verb which needs this gateway.
    pub(crate) fn verb_error(&self, error: &GatewayError) -> VerbError {
        self.verb_error_with_advice(error, "is the gateway running? --admin names another one")
    }

    /// The error that ends a verb, with advice for an address where nothing listens.
    pub(crate) fn verb_error_with_advice(&self, error: &GatewayError, advice: &str) -> VerbError {
        let name = self.name();
        if error.is_connection {
            return VerbError::environment(format_args!("{name}: {error}: {advice}"));
        }
        VerbError::environment(format_args!("{name}: {error}"))
    }

    /// Sends `body` to `/api/PATH`.
    pub(crate) async fn post_api<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, GatewayError> {
        let json = serde_json::to_string(body).map_err(GatewayError::unreached)?;
        self.send_request(Method::POST, path, json).await
    }

    /// Reads `/api/PATH`.
    pub(crate) async fn get_api<T: DeserializeOwned>(&self, path: &str) -> Result<T, GatewayError> {
        self.send_request(Method::GET, path, String::new()).await
    }

    /// Reads `/api/PATH` with this `Authorization`, whatever the status of the answer is.
    pub(crate) async fn fetch_api(
        &self,
        path: &str,
        authorization: Option<&HeaderValue>,
        limit: Duration,
    ) -> Result<(StatusCode, Bytes), GatewayError> {
        let request = self.build_request(Method::GET, path, String::new());
        let mut request = request.map_err(GatewayError::unreached)?;
        if let Some(authorization) = authorization {
            request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
        }
        match timeout(limit, self.exchange_once(request)).await {
            Ok(exchanged) => exchanged,
            Err(_) => {
                let seconds = limit.as_secs();
                let message = format_args!("it did not answer within {seconds} seconds");
                Err(GatewayError::unanswered(message))
            }
        }
    }

    async fn send_request<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<T, GatewayError> {
        let request = self.build_request(method, path, body).map_err(GatewayError::unreached)?;
        let Ok(exchanged) = timeout(TIME_LIMIT, self.exchange_once(request)).await else {
            // The limit may have passed while we connected, but the cautious reading is that the
            // gateway has the request.
            return Err(GatewayError::unanswered("it did not answer in time"));
        };
        let (status, answer) = exchanged?;
        if !status.is_success() {
            return Err(error_of_answer(status, &answer, self.token.is_some()));
        }
        match serde_json::from_slice(&answer) {
            Ok(value) => Ok(value),
            Err(error) if !error.is_data() => {
                let message = "this is not the admin listener of a gateway, which answers in JSON";
                Err(GatewayError::unanswered(message))
            }
            Err(error) => {
                // serde_json quotes the text that it does not understand.
                let text = error.to_string();
                let error = make_visible(&text);
                Err(GatewayError::unanswered(format_args!("its answer cannot be parsed: {error}")))
            }
        }
    }

    fn build_request(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> http::Result<Request<Full<Bytes>>> {
        let base = self.url.path().trim_end_matches('/');
        // The connection of hyper adds no Host (RFC 9112 §3.2). The gateway accepts a change only
        // as JSON, which a form on a web page cannot send.
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{base}/api/{path}"))
            .header(header::HOST, self.host())
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request.body(Full::new(Bytes::from(body)))
    }

    /// The host and the port, as in the URL.
    fn host(&self) -> &str {
        // `parse_admin_url` admits no URL without a host.
        self.url.authority().map_or("", http::uri::Authority::as_str)
    }

    /// The error of a connection that was not made. It names the address, unless the URL does.
    fn connection_error(&self, address: &SocketAddr, error: &io::Error) -> GatewayError {
        let message = if self.host() == address.to_string() {
            format!("it cannot be reached: {error}")
        } else {
            format!("it cannot be reached at {address}: {error}")
        };
        GatewayError { is_connection: true, ..GatewayError::unreached(message) }
    }

    async fn exchange_once(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), GatewayError> {
        let address = self.address.as_ref().map_err(GatewayError::unreached)?;
        let tcp = match TcpStream::connect(address).await {
            Ok(tcp) => tcp,
            Err(error) => {
                return Err(self.connection_error(address, &error));
            }
        };
        // A request that fails on a connection may have arrived all the same.
        if !is_https(&self.url) {
            return exchange_over(tcp, request).await.map_err(GatewayError::unanswered);
        }
        let host = host_of(&self.url).to_owned();
        let name = ServerName::try_from(host).map_err(GatewayError::unreached)?;
        let config = tls_config().map_err(GatewayError::unreached)?;
        match TlsConnector::from(Arc::new(config)).connect(name, tcp).await {
            Ok(tls) => exchange_over(tls, request).await.map_err(GatewayError::unanswered),
            // TLS failed before the request was sent.
            Err(error) => {
                Err(GatewayError::unreached(format_args!("the TLS handshake failed: {error}")))
            }
        }
    }
}

/// The meaning of an answer other than 2xx, to a request with or without a token.
fn error_of_answer(status: StatusCode, body: &[u8], has_token: bool) -> GatewayError {
    // A body that is no JSON is the page of a proxy or of another server. Then the status decides.
    let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = problem["detail"].as_str().map(make_visible);
    match (status, problem["code"].as_str(), detail) {
        (StatusCode::UNAUTHORIZED, ..) if has_token => GatewayError::unreached(
            "the admin token is wrong: --token or UPSHIFT_TOKEN must be `admin-token` of [gateway]",
        ),
        (StatusCode::UNAUTHORIZED, ..) => {
            GatewayError::unreached("it wants the admin token: give --token or UPSHIFT_TOKEN")
        }
        (_, Some(code), Some(detail)) => GatewayError::refused(code, detail),
        // An older gateway rejects a field that it does not know, before it changes anything.
        (StatusCode::UNPROCESSABLE_ENTITY, None, Some(detail)) => GatewayError::unreached(
            format_args!("it does not understand this version of upshift: {detail}"),
        ),
        (StatusCode::BAD_REQUEST, None, Some(detail)) => {
            GatewayError::refused("bad-request", detail)
        }
        (StatusCode::NOT_FOUND, None, None) => {
            GatewayError::unreached("there is no admin API at this address")
        }
        (_, None, Some(detail)) => GatewayError::unanswered(detail),
        // Not a refusal: a proxy in front may have answered after the gateway had the request.
        (status, ..) => GatewayError::unanswered(format_args!("it answered {status}")),
    }
}

async fn exchange_over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), String> {
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(describe_http_error)?;
    // Its error also ends the request or the body, and is reported there.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(describe_http_error)?;
    let status = response.status();
    match Limited::new(response.into_body(), MOST_BYTES).collect().await {
        Ok(body) => Ok((status, body.to_bytes())),
        Err(error) => Err(format!("its answer was cut off: {error}")),
    }
}

fn describe_http_error(error: hyper::Error) -> String {
    format!("the HTTP request failed: {error}")
}

/// Runs a future that talks to gateways.
pub(crate) fn block_on_gateways<T>(
    future: impl Future<Output = Result<T, VerbError>>,
) -> Result<T, VerbError> {
    let runtime = build_runtime()?;
    let result = runtime.block_on(future);
    // A look-up that takes too long blocks a thread, and dropping the runtime would wait for it.
    runtime.shutdown_background();
    result
}

/// The name that signs a change if `--actor` gives none: `user@host`.
pub(crate) fn default_actor() -> String {
    let user = match (variable("USER"), variable("LOGNAME")) {
        (Some(user), _) | (None, Some(user)) => user,
        // Containers often set neither.
        (None, None) => process_account().unwrap_or_else(|| "somebody".to_owned()),
    };
    // Not every system has this file.
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    match host.trim() {
        "" => user,
        host => format!("{user}@{host}"),
    }
}

/// An environment variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    if value.is_empty() { None } else { Some(value) }
}

/// Parses `http://host:port`.
pub(crate) fn parse_admin_url(text: &str) -> Result<Uri, String> {
    // A list of URLs may have spaces after its commas.
    let uri: Uri = text.trim().parse().map_err(|error| format!("{error}"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => Ok(uri),
        _ => Err("expected a URL such as http://127.0.0.1:9426".to_owned()),
    }
}

fn is_https(url: &Uri) -> bool {
    url.scheme_str() == Some("https")
}

/// The host of a URL, an IPv6 address without its brackets.
fn host_of(url: &Uri) -> &str {
    // `parse_admin_url` admits no URL without a host.
    url.host().unwrap_or_default().trim_matches(['[', ']'])
}

fn tls_config() -> Result<ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    // A file of the system that cannot be read is left out. If it was needed, the handshake fails.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    match builder.with_safe_default_protocol_versions() {
        Ok(builder) => Ok(builder.with_root_certificates(roots).with_no_client_auth()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_urls() {
        assert!(
            parse_admin_url("http://127.0.0.1:9426").is_ok()
                && parse_admin_url("https://gw.example/base").is_ok()
        );
        assert!(
            parse_admin_url(" http://127.0.0.1:9426 ").is_ok(),
            "a list of them has spaces after its commas"
        );
        for wrong in ["127.0.0.1:9426", "ftp://gw", "http://", ""] {
            assert!(parse_admin_url(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn every_address_is_a_gateway_and_is_named() {
        let urls = ["http://127.0.0.1:9426", "http://[::1]:9426", "http://localhost:1"];
        let admin = AdminArgs {
            urls: urls.iter().filter_map(|text| parse_admin_url(text).ok()).collect(),
            token: None,
        };
        let names: Vec<_> = admin.gateways().await.iter().map(RemoteGateway::name).collect();
        assert_eq!(names, ["127.0.0.1:9426", "[::1]:9426", "localhost:1"]);
    }

    /// A gateway that is named twice would be sent a change twice.
    #[tokio::test]
    async fn a_gateway_that_is_named_twice_is_one() {
        let urls =
            ["http://127.0.0.1:9426", "http://127.0.0.1:9426", "http://no-such-host.invalid:1"];
        let admin = AdminArgs {
            urls: urls.iter().filter_map(|text| parse_admin_url(text).ok()).collect(),
            token: None,
        };
        let gateways = admin.gateways().await;
        let names: Vec<_> = gateways.iter().map(RemoteGateway::name).collect();
        assert_eq!(names, ["127.0.0.1:9426", "no-such-host.invalid:1"]);
        let asked: Result<serde_json::Value, GatewayError> = gateways[1].get_api("status").await;
        assert_eq!(asked.map_err(|trouble| trouble.kind), Err(GatewayErrorKind::Unreached));
    }

    /// Only a gateway that says why refuses; anything else leaves open what it did.
    #[test]
    fn an_answer_that_is_no_refusal_of_the_gateway_is_no_answer() {
        for (status, body, kind) in [
            (401, "", GatewayErrorKind::Unreached),
            (422, "{\"detail\": \"unknown field\"}", GatewayErrorKind::Unreached),
            (404, "", GatewayErrorKind::Unreached),
            (
                409,
                "{\"detail\": \"x\", \"code\": \"rises\"}",
                GatewayErrorKind::Refused("rises".to_owned()),
            ),
            (500, "oops", GatewayErrorKind::Unanswered),
            (503, "{\"detail\": \"later\"}", GatewayErrorKind::Unanswered),
        ] {
            let status = StatusCode::from_u16(status).unwrap_or_default();
            let error = error_of_answer(status, body.as_bytes(), true);
            assert_eq!(error.kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn a_wrong_token_is_not_a_missing_one() {
        let wrong = error_of_answer(StatusCode::UNAUTHORIZED, b"", true).to_string();
        assert!(wrong.starts_with("the admin token is wrong"), "{wrong}");
        let missing = error_of_answer(StatusCode::UNAUTHORIZED, b"", false).to_string();
        assert!(missing.starts_with("it wants the admin token"), "{missing}");
    }

    #[tokio::test]
    async fn an_address_without_a_gateway_is_named_once() {
        let Ok(url) = parse_admin_url("http://127.0.0.1:1") else { unreachable!("a URL") };
        let admin = AdminArgs { urls: vec![url], token: None };
        let gateways = admin.gateways().await;
        let asked: Result<serde_json::Value, GatewayError> = gateways[0].get_api("status").await;
        let Err(error) = asked else { unreachable!("no gateway listens there") };
        let VerbError::Message(_, message) = gateways[0].verb_error(&error) else {
            unreachable!("a message");
        };
        assert!(message.starts_with("127.0.0.1:1: it cannot be reached: "), "{message}");
        assert!(
            message.ends_with("is the gateway running? --admin names another one"),
            "{message}"
        );
    }
}
