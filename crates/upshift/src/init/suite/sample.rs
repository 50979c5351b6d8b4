//! Requests to which a rule applies.

use upshift_core::policy::{
    ApiReader, ApiRequirement, ClientReader, ClientRequirement, IdentityReader, Requirement, Rule,
};
use upshift_record::Lane;

use super::versions::{older_numbers, older_versions};

/// A request, apart from its lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SampleRequest {
    pub(super) method: String,
    /// The host, if the rule asks for one.
    pub(super) host: Option<String>,
    /// The path and the query.
    pub(super) target: String,
    pub(super) fields: Vec<(String, String)>,
}

/// A request with a version, and words for it.
#[derive(Clone, Debug)]
pub(super) struct VersionSample {
    /// The API or the client whose version it is; empty: none.
    pub(super) subject: String,
    /// The words that the id of the case ends with: `api-1.0`.
    pub(super) name: String,
    /// The request in words: `X-Api-Version: 1.0`.
    pub(super) words: String,
    pub(super) request: SampleRequest,
    /// The only lane of the request, if it makes sense over one alone.
    pub(super) lane: Option<Lane>,
}

/// Requests that may come under a rule, the most likely first. They name no version.
pub(super) fn plain_samples(rule: &Rule) -> Vec<SampleRequest> {
    let matcher = &rule.matcher;
    let method = matcher.methods.include.first().map_or("GET", AsRef::as_ref);
    let mut fields = Vec::new();
    for header in &matcher.headers.include {
        fields.push((header.field().to_owned(), header.example()));
    }
    if let Some(client) = matcher.clients.include.first() {
        let text = client.to_string();
        let agent = if text.contains('/') { text } else { format!("{text}/1.0") };
        fields.push(("User-Agent".to_owned(), agent));
    }
    if let Some(identity) = matcher.identities.include.first() {
        fields.extend(rule.identity.iter().find_map(|reader| identity_field(reader, identity)));
    }
    let mut samples = Vec::new();
    for host in hosts_of(rule) {
        for target in paths_of(rule) {
            let (method, fields) = (method.to_owned(), fields.clone());
            samples.push(SampleRequest { method, host: host.clone(), target, fields });
        }
    }
    samples
}

/// The same request with older and with sufficient versions, for each requirement that reads some.
pub(super) fn version_samples(rule: &Rule, plain: &SampleRequest) -> Vec<VersionSample> {
    let mut samples = Vec::new();
    for requirement in &rule.require {
        match requirement {
            Requirement::Api(api) => samples.extend(api_samples(plain, api)),
            Requirement::Client(client) => samples.extend(samples_of_clients(plain, client)),
            Requirement::WebSocket(websocket) => {
                let first = websocket.subprotocols.first();
                samples.extend(first.map(|name| subprotocol_sample(plain, name)));
            }
            Requirement::Tls(_)
            | Requirement::Http(_)
            | Requirement::NoWebSocket
            | Requirement::Protocol(_) => {}
        }
    }
    samples
}

/// The request with the identity `name`, where the rule reads one from a field.
pub(super) fn with_identity(
    rule: &Rule,
    request: &SampleRequest,
    name: &str,
) -> Option<SampleRequest> {
    let field = rule.identity.iter().find_map(|reader| identity_field(reader, name))?;
    let mut request = request.clone();
    request.fields.push(field);
    Some(request)
}

fn identity_field(reader: &IdentityReader, identity: &str) -> Option<(String, String)> {
    match reader {
        IdentityReader::Header(name) => Some((name.written().to_owned(), identity.to_owned())),
        IdentityReader::Cookie(name) => Some(("Cookie".to_owned(), format!("{name}={identity}"))),
        // A token has to be made, and the address of a client cannot be chosen.
        IdentityReader::JwtUnverified(_) | IdentityReader::Peer => None,
    }
}

fn hosts_of(rule: &Rule) -> Vec<Option<String>> {
    let include = &rule.matcher.hosts.include;
    if include.is_empty() {
        return vec![None];
    }
    let hosts = include.iter().map(|host| Some(host.text().replace("**", "a").replace('*', "a")));
    hosts.collect()
}

/// Paths that may fit the rule's patterns and the templates of its readers.
fn paths_of(rule: &Rule) -> Vec<String> {
    let include = &rule.matcher.paths.include;
    let mut paths = Vec::new();
    for pattern in include {
        let text = pattern.text();
        for stars in ["", "a", "a/b"] {
            let path = text.replace("**", stars).replace('*', "a").replace("//", "/");
            let path = if path.len() > 1 { path.trim_end_matches('/') } else { &path };
            paths.push(if path.is_empty() { "/".to_owned() } else { path.to_owned() });
        }
    }
    if include.is_empty() {
        paths.extend(["/".to_owned(), "/a".to_owned()]);
    }
    paths
}

fn api_samples(plain: &SampleRequest, api: &ApiRequirement) -> Vec<VersionSample> {
    let minimum = api.minimum.as_str();
    let mut versions = older_versions(&api.scheme, minimum);
    versions.push(minimum.to_owned());
    let mut samples = Vec::new();
    for version in versions {
        for reader in &api.read {
            let (request, words) = with_api_version(plain, reader, &version);
            let (subject, name) = ("api".to_owned(), format!("version-{version}"));
            samples.push(VersionSample { subject, name, words, request, lane: None });
        }
    }
    samples
}

fn samples_of_clients(plain: &SampleRequest, client: &ClientRequirement) -> Vec<VersionSample> {
    let mut samples = Vec::new();
    for (name, minimum) in &client.minimum {
        let mut versions = older_numbers(minimum.as_str());
        versions.push(minimum.as_str().to_owned());
        for version in versions {
            samples.extend(client_samples(plain, &client.read, name, &version));
        }
    }
    for (name, version) in &client.blocked {
        samples.extend(client_samples(plain, &client.read, name, version.as_str()));
    }
    samples
}

/// The request with a version where the reader reads it, and words for it.
fn with_api_version(
    plain: &SampleRequest,
    reader: &ApiReader,
    version: &str,
) -> (SampleRequest, String) {
    let mut request = plain.clone();
    let words = match reader {
        ApiReader::Header(name) => {
            request.fields.push((name.written().to_owned(), version.to_owned()));
            format!("{}: {version}", name.written())
        }
        ApiReader::Query(name) => {
            let sign = if request.target.contains('?') { '&' } else { '?' };
            request.target = format!("{}{sign}{name}={version}", request.target);
            format!("{name}={version} in the query")
        }
        ApiReader::Path(template) => {
            let path = template.text().replace("{version}", version);
            request.target = path.replace("**", "a").replace('*', "a");
            format!("version {version} in the path")
        }
        ApiReader::MediaTypeParameter(name) => {
            let value = format!("application/json; {name}={version}");
            request.fields.push(("Accept".to_owned(), value.clone()));
            format!("Accept: {value}")
        }
        ApiReader::MediaTypeTemplate { prefix, suffix } => {
            let value = format!("{prefix}{version}{suffix}");
            request.fields.push(("Accept".to_owned(), value.clone()));
            format!("Accept: {value}")
        }
    };
    (request, words)
}

/// RFC 6455 §4.1: the handshake offers subprotocols in a field.
fn subprotocol_sample(plain: &SampleRequest, name: &str) -> VersionSample {
    let mut request = plain.clone();
    request.fields.push(("Sec-WebSocket-Protocol".to_owned(), name.to_owned()));
    VersionSample {
        subject: "websocket".to_owned(),
        name: format!("offers-{name}"),
        words: format!("Sec-WebSocket-Protocol: {name}"),
        request,
        lane: Some(Lane::WebSocket),
    }
}

fn client_samples(
    plain: &SampleRequest,
    readers: &[ClientReader],
    name: &str,
    version: &str,
) -> Vec<VersionSample> {
    let mut samples = Vec::new();
    for reader in readers {
        let (field, value) = match reader {
            ClientReader::Header(field) => {
                (field.written().to_owned(), format!("{name}/{version}"))
            }
            ClientReader::HeaderOf(field, client) if client.as_ref() == name => {
                (field.written().to_owned(), version.to_owned())
            }
            ClientReader::HeaderOf(..) => continue,
            ClientReader::UserAgent => ("User-Agent".to_owned(), user_agent(name, version)),
        };
        let mut request = plain.clone();
        request.fields.retain(|(own, _)| !own.eq_ignore_ascii_case(&field));
        let words = format!("{field}: {value}");
        request.fields.push((field, value));
        let (subject, name) = (name.to_owned(), format!("{name}-{version}"));
        samples.push(VersionSample { subject, name, words, request, lane: None });
    }
    samples
}

/// A `User-Agent` as the browser of this name writes it, or the product of an app.
fn user_agent(name: &str, version: &str) -> String {
    let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)";
    let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
    match name.to_ascii_lowercase().as_str() {
        "chrome" => format!("{windows} {webkit} Chrome/{version} Safari/537.36"),
        "edge" => format!("{windows} {webkit} Chrome/{version} Safari/537.36 Edg/{version}"),
        "opera" => format!("{windows} {webkit} Chrome/109.0.0.0 Safari/537.36 OPR/{version}"),
        "firefox" => format!(
            "Mozilla/5.0 (X11; Linux x86_64; rv:{version}) Gecko/20100101 Firefox/{version}"
        ),
        "safari" => format!(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
             Version/{version} Safari/605.1.15"
        ),
        "internet explorer" => format!("{windows} (compatible; MSIE {version}; Windows NT 6.1)"),
        _ => format!("{name}/{version}"),
    }
}
