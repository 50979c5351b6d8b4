//! Talking to the admin listeners of running gateways.

use std::fmt;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
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
use tokio::task::JoinSet;
use tokio::time::timeout;
use upshift_config::make_visible;

use crate::verb_error::VerbError;

/// How long a gateway may take to answer, and a name to be looked up.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// An answer is never longer.
const LONGEST: usize = 16 * 1024 * 1024;

/// Which gateways, and by what right.
#[derive(Clone, Debug, Args)]
pub(crate) struct AdminArgs {
    /// The admin listener of a gateway, as often as there are gateways; a name with several
    /// addresses means all of them
    #[arg(
        long = "admin",
        value_name = "URL",
        env = "UPSHIFT_ADMIN",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:9426",
        value_parser = parse_admin_url
    )]
    urls: Vec<Uri>,
    /// The admin token, where one is asked for
    #[arg(long, value_name = "TOKEN", env = "UPSHIFT_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// One gateway.
#[derive(Clone, Debug)]
pub(crate) struct RemoteGateway {
    url: Uri,
    /// Where it is; an error says why that is not known.
    address: Result<SocketAddr, String>,
    /// Whether it is the only address of its name.
    alone: bool,
    token: Option<String>,
}

/// Why a gateway did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GatewayError {
    pub(crate) kind: GatewayErrorKind,
    words: String,
}

/// What is known of a gateway that did not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GatewayErrorKind {
    /// It never had the request, or did not look at it.
    Unreached,
    /// It may have had the request.
    Unanswered,
    /// It understood the request and refused it, with this code.
    Refused(String),
}

impl AdminArgs {
    /// Every address of every URL, each once. A name that cannot be looked up is a gateway that
    /// cannot be reached.
    pub(crate) async fn gateways(&self) -> Vec<RemoteGateway> {
        let mut lookups = JoinSet::new();
        for (index, url) in self.urls.iter().cloned().enumerate() {
            lookups.spawn(async move { (index, look_up_host(&url).await, url) });
        }
        let mut found = lookups.join_all().await;
        found.sort_by_key(|(index, ..)| *index);
        let mut gateways: Vec<RemoteGateway> = Vec::new();
        for (_, addresses, url) in found {
            let addresses = match addresses {
                Ok(addresses) => addresses.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            let alone = addresses.len() == 1;
            for address in addresses {
                let is_new =
                    !gateways.iter().any(|known| known.url == url && known.address == address);
                if is_new {
                    gateways.push(RemoteGateway {
                        url: url.clone(),
                        address,
                        alone,
                        token: self.token.clone(),
                    });
                }
            }
        }
        gateways
    }
}

/// The addresses of a URL's host.
async fn look_up_host(url: &Uri) -> Result<Vec<SocketAddr>, String> {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_u16().unwrap_or(if is_https(url) { 443 } else { 80 });
    let looked_up = timeout(PATIENCE, tokio::net::lookup_host((host, port))).await;
    let looked_up = looked_up.map_err(|_| format!("looking up {host} takes too long"))?;
    let mut addresses: Vec<_> =
        looked_up.map_err(|error| format!("cannot look up {host}: {error}"))?.collect();
    addresses.sort_unstable();
    addresses.dedup();
    // Of localhost's two addresses a gateway listens on one.
    if host.eq_ignore_ascii_case("localhost") {
        addresses.retain(SocketAddr::is_ipv4);
    }
    if addresses.is_empty() { Err(format!("{host} has no address")) } else { Ok(addresses) }
}

impl GatewayError {
    fn unreached(words: impl Into<String>) -> Self {
        Self { kind: GatewayErrorKind::Unreached, words: words.into() }
    }

    fn unanswered(words: impl Into<String>) -> Self {
        Self { kind: GatewayErrorKind::Unanswered, words: words.into() }
    }

    /// The code with which it refused.
    pub(crate) fn code(&self) -> Option<&str> {
        match &self.kind {
            GatewayErrorKind::Refused(code) => Some(code),
            GatewayErrorKind::Unreached | GatewayErrorKind::Unanswered => None,
        }
    }
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl RemoteGateway {
    /// The first address of `url`.
    pub(crate) async fn at_first_address(
        url: Uri,
        token: Option<String>,
    ) -> Result<Self, VerbError> {
        let found = AdminArgs { urls: vec![url], token }.gateways().await.into_iter().next();
        found.ok_or_else(|| VerbError::environment("that name has no address"))
    }

    /// As it is named to people.
    pub(crate) fn name(&self) -> String {
        let authority = self.url.authority().map_or("", http::uri::Authority::as_str);
        match &self.address {
            Ok(address) if !self.alone => format!("{authority} ({})", address.ip()),
            _ => authority.to_owned(),
        }
    }

    /// Its address, as it was given.
    pub(crate) fn url(&self) -> &Uri {
        &self.url
    }

    /// Sends `body` to `/api/WHAT`.
    pub(crate) async fn post_api<T: DeserializeOwned>(
        &self,
        what: &str,
        body: &impl Serialize,
    ) -> Result<T, GatewayError> {
        let body = serde_json::to_string(body)
            .map_err(|error| GatewayError::unreached(error.to_string()))?;
        self.send_request(Method::POST, what, body).await
    }

    /// Reads `/api/WHAT`.
    pub(crate) async fn get_api<T: DeserializeOwned>(&self, what: &str) -> Result<T, GatewayError> {
        self.send_request(Method::GET, what, String::new()).await
    }

    async fn send_request<T: DeserializeOwned>(
        &self,
        method: Method,
        what: &str,
        body: String,
    ) -> Result<T, GatewayError> {
        let base = self.url.path().trim_end_matches('/');
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{base}/api/{what}"))
            .header(header::HOST, self.url.authority().map_or("", http::uri::Authority::as_str))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(Bytes::from(body)));
        let request = request.map_err(|error| GatewayError::unreached(error.to_string()))?;
        let answer = timeout(PATIENCE, self.exchange_once(request)).await;
        let (status, body) =
            answer.map_err(|_| GatewayError::unanswered("it did not answer in time"))??;
        if status.is_success() {
            // The error quotes what it does not understand.
            let in_words = |error: serde_json::Error| make_visible(&error.to_string()).into_owned();
            let read = serde_json::from_slice(&body).map_err(in_words);
            return read.map_err(|error| {
                GatewayError::unanswered(format!("its answer is not understood: {error}"))
            });
        }
        Err(gateway_error(status, &body))
    }

    async fn exchange_once(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), GatewayError> {
        let address = self.address.as_ref().map_err(GatewayError::unreached)?;
        let reached = TcpStream::connect(address).await;
        let tcp = reached.map_err(|error| {
            GatewayError::unreached(format!("it cannot be reached at {address}: {error}"))
        })?;
        if is_https(&self.url) {
            let host = self.url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            let name = ServerName::try_from(host)
                .map_err(|error| GatewayError::unreached(error.to_string()))?;
            let connector = tokio_rustls::TlsConnector::from(Arc::new(
                tls_config().map_err(GatewayError::unreached)?,
            ));
            let tls = connector.connect(name, tcp).await;
            let tls = tls
                .map_err(|error| GatewayError::unreached(format!("TLS with it failed: {error}")))?;
            return exchange_over(tls, request).await.map_err(GatewayError::unanswered);
        }
        exchange_over(tcp, request).await.map_err(GatewayError::unanswered)
    }
}

/// What an answer other than 2xx means.
fn gateway_error(status: StatusCode, body: &[u8]) -> GatewayError {
    let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = problem["detail"].as_str().map(make_visible);
    match (status, problem["code"].as_str(), detail) {
        (StatusCode::UNAUTHORIZED, ..) => {
            GatewayError::unreached("it wants its admin token: --token or UPSHIFT_TOKEN")
        }
        (_, Some(code), Some(detail)) => GatewayError {
            kind: GatewayErrorKind::Refused(code.to_owned()),
            words: detail.into_owned(),
        },
        (StatusCode::UNPROCESSABLE_ENTITY, None, Some(detail)) => GatewayError::unreached(format!(
            "it does not understand this version of upshift: {detail}"
        )),
        (StatusCode::BAD_REQUEST, None, Some(detail)) => GatewayError {
            kind: GatewayErrorKind::Refused("bad-request".to_owned()),
            words: detail.into_owned(),
        },
        (StatusCode::NOT_FOUND, None, None) => {
            GatewayError::unreached("there is no admin API at this address")
        }
        (_, None, Some(detail)) => GatewayError::unanswered(detail),
        (status, ..) => GatewayError::unanswered(format!("it answered {status}")),
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
pub(crate) fn block_on_gateways<T>(
    talk: impl Future<Output = Result<T, VerbError>>,
) -> Result<T, VerbError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(VerbError::environment)?;
    let outcome = runtime.block_on(talk);
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    outcome
}

/// The name that a change is signed with: a person's, and the machine's.
pub(crate) fn default_actor() -> String {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(login_name);
    let host = std::fs::read_to_string("/etc/hostname").ok().map(|host| host.trim().to_owned());
    match host.filter(|host| !host.is_empty()) {
        Some(host) => format!("{user}@{host}"),
        None => user,
    }
}

/// The name that the system has for the user of this process, or else the number.
fn login_name() -> String {
    let Ok(process) = std::fs::metadata("/proc/self") else { return "somebody".to_owned() };
    let uid = process.uid();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_in_passwd(uid, &users).unwrap_or_else(|| format!("uid {uid}"))
}

/// The name of `uid` in the lines `name:password:uid:…` of `users`.
fn name_in_passwd(uid: u32, users: &str) -> Option<String> {
    for user in users.lines() {
        let mut fields = user.split(':');
        let (name, number) = (fields.next()?, fields.nth(1));
        if !name.is_empty() && number.and_then(|number| number.parse().ok()) == Some(uid) {
            return Some(name.to_owned());
        }
    }
    None
}

/// Reads `http://host:port`.
pub(crate) fn parse_admin_url(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.trim().parse().map_err(|error| format!("{error}"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => Ok(uri),
        _ => Err("expected an address such as http://127.0.0.1:9426".to_owned()),
    }
}

fn is_https(url: &Uri) -> bool {
    url.scheme_str() == Some("https")
}

fn tls_config() -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
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

    /// Every change that a service or a container made was signed with the same made-up name.
    #[test]
    fn a_user_without_a_variable_has_the_name_of_the_system() {
        let users = "root:x:0:0:root:/root:/bin/sh\n\nbroken\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(
            (name_in_passwd(1_000, users).as_deref(), name_in_passwd(0, users).as_deref()),
            (Some("ada"), Some("root"))
        );
        assert_eq!((name_in_passwd(7, users), name_in_passwd(1_000, "")), (None, None));
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
            assert_eq!(gateway_error(status, body.as_bytes()).kind, kind, "{status} {body}");
        }
    }
}
