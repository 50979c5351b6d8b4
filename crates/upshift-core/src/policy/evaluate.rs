//! One requirement held against the facts.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::client::Claim;
use super::reading::PathReading;
use super::requirement::{
    ApiReader, ApiRequirement, ClientRequirement, Requirement, WebSocketRequirement,
};
use crate::decision::{Observed, RequirementKind, VerdictReason};
use crate::field::{Accept, ConnectionOptions, MediaType, Protocol, UpgradeList, list_elements};
use crate::policy::query;
use crate::version::{ClientVersion, Version};
use crate::{Facts, HttpVersion, Known, TlsState, TlsVersion};

/// What one requirement comes to.
pub(super) struct Evaluation<'a> {
    pub(super) reason: VerdictReason,
    pub(super) observed: Vec<Observed<'a>>,
}

/// Holds the requirement against the facts, the path in this reading.
pub(super) fn evaluate<'a>(
    requirement: &'a Requirement,
    facts: &Facts<'a>,
    path: &PathReading<'_>,
) -> Evaluation<'a> {
    match requirement {
        Requirement::Tls(minimum) => tls(*minimum, facts),
        Requirement::Http(minimum) => http(*minimum, facts),
        Requirement::WebSocket(wanted) => websocket(wanted, facts),
        Requirement::NoWebSocket => no_websocket(facts),
        Requirement::Api(wanted) => api(wanted, facts, path),
        Requirement::Client(wanted) => client(wanted, facts),
        Requirement::Protocol(wanted) => protocol(wanted, facts),
    }
}

fn tls<'a>(minimum: TlsVersion, facts: &Facts<'a>) -> Evaluation<'a> {
    let (reason, value) = match facts.tls {
        Known::Is(TlsState::Cleartext) => (VerdictReason::Unmet, "none"),
        Known::Is(TlsState::Version(version)) if version < minimum => {
            (VerdictReason::Unmet, version.as_str())
        }
        Known::Is(TlsState::Version(version)) => (VerdictReason::Meets, version.as_str()),
        Known::Is(TlsState::SomeVersion) => (VerdictReason::Unknown, "unknown"),
        Known::Unknown => (VerdictReason::Unknown, "unknown"),
    };
    Evaluation { reason, observed: vec![seen(RequirementKind::Tls, value, "connection")] }
}

fn http<'a>(minimum: HttpVersion, facts: &Facts<'a>) -> Evaluation<'a> {
    let (reason, value) = match facts.http {
        Known::Is(version) if version < minimum => (VerdictReason::Unmet, version.as_str()),
        Known::Is(version) => (VerdictReason::Meets, version.as_str()),
        Known::Unknown => (VerdictReason::Unknown, "unknown"),
    };
    Evaluation { reason, observed: vec![seen(RequirementKind::Http, value, "connection")] }
}

/// The protocols that the request offers to switch to.
///
/// RFC 9110 §7.8: a server MUST ignore `Upgrade` in an HTTP/1.0 request; §7.6.1: without its
/// `Connection` option the field is to be ignored. RFC 8441 §4: over HTTP/2 and 3 the offer is
/// `:protocol`.
pub fn offers(facts: &Facts<'_>) -> Option<UpgradeList> {
    match facts.hop {
        HttpVersion::V0_9 | HttpVersion::V1_0 => None,
        HttpVersion::V2 | HttpVersion::V3 => UpgradeList::new(vec![
            Protocol::parse(facts.protocol.filter(|_| facts.method == "CONNECT")?).ok()?,
        ]),
        HttpVersion::V1_1 => {
            let offered = UpgradeList::parse(facts.fields.all("upgrade")).ok()?;
            ConnectionOptions::from_fields(facts.fields).contains("upgrade").then_some(offered)
        }
    }
}

fn offered<'a>(kind: RequirementKind, offers: Option<&UpgradeList>) -> Observed<'a> {
    match offers {
        Some(offers) => seen(kind, offers.to_string(), "header:Upgrade"),
        None => seen(kind, "none", "header:Upgrade"),
    }
}

/// RFC 6455 §4.2.1: a GET over HTTP/1.1 or later with `Upgrade: websocket`; RFC 8441 §5 over
/// HTTP/2.
fn websocket<'a>(wanted: &WebSocketRequirement, facts: &Facts<'a>) -> Evaluation<'a> {
    let offers = offers(facts);
    let unmet = |observed| Evaluation { reason: VerdictReason::Unmet, observed: vec![observed] };
    if !offers.as_ref().is_some_and(|offers| offers.contains_name("websocket"))
        || !["GET", "CONNECT"].contains(&facts.method)
    {
        return unmet(offered(RequirementKind::WebSocket, offers.as_ref()));
    }
    let version = facts.fields.text("sec-websocket-version").unwrap_or_default();
    // RFC 6455 §4.1: one value, without sign or leading zero.
    let doubled = facts.fields.nth("sec-websocket-version", 1).is_some();
    if doubled || version != wanted.version.to_string() {
        return unmet(seen(RequirementKind::WebSocket, version, "header:Sec-WebSocket-Version"));
    }
    let lines = list_elements(facts.fields.all("sec-websocket-protocol"));
    let subprotocols: Vec<Cow<'a, str>> = lines.map(String::from_utf8_lossy).collect();
    let among = |wanted: &str| subprotocols.iter().any(|offered| *offered == wanted);
    if !wanted.subprotocols.is_empty() && !wanted.subprotocols.iter().any(|wanted| among(wanted)) {
        let offered = seen(
            RequirementKind::WebSocket,
            subprotocols.join(", "),
            "header:Sec-WebSocket-Protocol",
        );
        return Evaluation { reason: VerdictReason::Subprotocol, observed: vec![offered] };
    }
    Evaluation {
        reason: VerdictReason::Meets,
        observed: vec![offered(RequirementKind::WebSocket, offers.as_ref())],
    }
}

fn no_websocket<'a>(facts: &Facts<'a>) -> Evaluation<'a> {
    let offers = offers(facts);
    let attempt = offers.as_ref().is_some_and(|offers| offers.contains_name("websocket"));
    let reason = if attempt { VerdictReason::Unmet } else { VerdictReason::Meets };
    Evaluation { reason, observed: vec![offered(RequirementKind::WebSocket, offers.as_ref())] }
}

fn protocol<'a>(wanted: &Protocol, facts: &Facts<'a>) -> Evaluation<'a> {
    let offers = offers(facts);
    // `:protocol` has no version of its own (RFC 8441 §4), so that over HTTP/2 the name alone may
    // stand for it.
    let named = |offers: &UpgradeList| {
        offers.contains(wanted) || facts.protocol.is_some_and(|name| wanted.is_named(name))
    };
    let met = offers.as_ref().is_some_and(named);
    let reason = if met { VerdictReason::Meets } else { VerdictReason::Unmet };
    Evaluation { reason, observed: vec![offered(RequirementKind::Protocol, offers.as_ref())] }
}

/// How many values of one reader are compared; who sends more is ambiguous, whatever they are.
const VALUES: usize = 16;

/// All readers are read; equal versions in different spellings are one.
fn api<'a>(
    wanted: &'a ApiRequirement,
    facts: &Facts<'a>,
    path: &PathReading<'_>,
) -> Evaluation<'a> {
    let mut observed = Vec::new();
    for reader in &wanted.read {
        let read = || reader.to_string();
        observed.extend(
            api_values(reader, facts, path)
                .into_iter()
                .map(|value| seen(RequirementKind::Api, value, read())),
        );
    }
    // An empty value alone is none. Beside another one it may be the one that the upstream reads.
    let empty = observed.iter().filter(|seen| seen.value.is_empty()).count();
    if empty == observed.len() {
        observed.clear();
    } else if empty > 0 {
        return Evaluation { reason: VerdictReason::Ambiguous, observed };
    }
    let versions: Result<Vec<Version>, _> =
        observed.iter().map(|seen| wanted.scheme.parse(&seen.value)).collect();
    let reason = match versions.as_deref() {
        Err(_) => VerdictReason::Malformed,
        Ok(versions) if versions.len() > VALUES => VerdictReason::Ambiguous,
        Ok([]) => wanted
            .assume
            .as_ref()
            .map_or(VerdictReason::Missing, |assumed| api_reason(wanted, assumed)),
        Ok([first, others @ ..]) if others.iter().any(|other| other != first) => {
            VerdictReason::Ambiguous
        }
        Ok([first, ..]) => api_reason(wanted, first),
    };
    if let (true, Some(assumed)) = (observed.is_empty(), &wanted.assume) {
        observed.push(seen(RequirementKind::Api, assumed.as_str(), "assume"));
    }
    Evaluation { reason, observed }
}

/// `minimum` alone decides; `supported` is what callers are told, and above its greatest is too
/// new.
fn api_reason(wanted: &ApiRequirement, version: &Version) -> VerdictReason {
    if *version < wanted.minimum {
        return VerdictReason::TooOld;
    }
    let newest = wanted.supported.iter().max();
    if newest.is_some_and(|newest| version > newest) {
        VerdictReason::TooNew
    } else {
        VerdictReason::Meets
    }
}

/// The values of one reader; one more than [`VALUES`] at the most, so that more than that are seen
/// to be too many.
fn api_values<'a>(
    reader: &ApiReader,
    facts: &Facts<'a>,
    path: &PathReading<'_>,
) -> Vec<Cow<'a, str>> {
    match reader {
        ApiReader::Header(name) => {
            // The lines of a field are kept by the request, so that their values may be borrowed
            // from it.
            let fields: &'a dyn crate::Fields = facts.fields;
            // A proxy may have joined equal lines into one (RFC 9110 §5.3).
            let values = fields.all(name.lower()).flat_map(|line| line.split(|byte| *byte == b','));
            let values = values.map(<[u8]>::trim_ascii);
            values.take(VALUES + 1).map(String::from_utf8_lossy).collect()
        }
        ApiReader::Query(name) => query::values(facts.query.unwrap_or_default(), name, VALUES + 1),
        ApiReader::Path(template) => {
            let value = template.capture(path);
            value.map(|value| Cow::Owned(value.into_owned())).into_iter().collect()
        }
        ApiReader::MediaTypeParameter(name) => {
            let of_type =
                |media: MediaType<'_>| media.parameter_values(name).map(Cow::into_owned).collect();
            media_type_values(facts, of_type)
        }
        ApiReader::MediaTypeTemplate { prefix, suffix } => {
            let of_type = |media: MediaType<'_>| {
                inner_text(media.essence, prefix, suffix).into_iter().collect()
            };
            media_type_values(facts, of_type)
        }
    }
}

/// What `read` finds in the media type of the content, and then in each member of `Accept`, the
/// heaviest first.
///
/// Both are read, because frameworks differ on which of them counts.
fn media_type_values<'a>(
    facts: &Facts<'_>,
    read: impl Fn(MediaType<'_>) -> Vec<String>,
) -> Vec<Cow<'a, str>> {
    let mut values = Vec::new();
    if facts.has_content {
        for line in facts.fields.all("content-type") {
            let line = String::from_utf8_lossy(line);
            values.extend(MediaType::parse(&line).map(&read).unwrap_or_default());
        }
    }
    let accept = Accept::from_fields(facts.fields);
    for range in accept.by_weight() {
        let found = read(range.media);
        if range.weight == 0 && !found.is_empty() {
            // RFC 9110 §12.4.2: 0 means "not acceptable". A recipient that ignores weights reads
            // the version all the same.
            values.push(String::new());
        } else {
            values.extend(found);
        }
        if values.len() > VALUES {
            break;
        }
    }
    values.truncate(VALUES + 1);
    values.into_iter().map(Cow::Owned).collect()
}

/// What stands between `prefix` and `suffix` in `essence`, compared without case; never empty.
fn inner_text(essence: &str, prefix: &str, suffix: &str) -> Option<String> {
    let (essence, prefix) = (essence.to_ascii_lowercase(), prefix.to_ascii_lowercase());
    let inner = essence.strip_prefix(&prefix)?.strip_suffix(&suffix.to_ascii_lowercase())?;
    (!inner.is_empty()).then(|| inner.to_owned())
}

/// The first reader that yields counts.
fn client<'a>(wanted: &'a ClientRequirement, facts: &Facts<'a>) -> Evaluation<'a> {
    let names = wanted.minimum.keys().chain(wanted.blocked.iter().map(|(name, _)| name));
    let known = |name: &str| names.clone().any(|known| known.eq_ignore_ascii_case(name));
    let found = wanted.read.iter().find_map(|reader| Some((reader, reader.claim(facts, &known)?)));
    let Some((reader, claim)) = found else {
        return Evaluation { reason: VerdictReason::Missing, observed: Vec::new() };
    };
    let reason = if facts.fields.is_contradictory(reader.field()) {
        // Of two lines the upstream may read the other one.
        VerdictReason::Ambiguous
    } else if claim.is_client && known(&claim.name) {
        client_reason(wanted, &claim)
    } else {
        VerdictReason::UnknownClient
    };
    let value = if claim.version.is_empty() {
        claim.name
    } else {
        format!("{}/{}", claim.name, claim.version).into()
    };
    Evaluation { reason, observed: vec![seen(RequirementKind::Client, value, reader.to_string())] }
}

fn client_reason(wanted: &ClientRequirement, claim: &Claim<'_>) -> VerdictReason {
    let Some(version) = ClientVersion::parse_lenient(&claim.version) else {
        return VerdictReason::Malformed;
    };
    let blocked = wanted.blocked.iter().filter(|(name, _)| name.eq_ignore_ascii_case(&claim.name));
    let blocked: Vec<Option<Ordering>> =
        blocked.map(|(_, entry)| version.compare_with(entry)).collect();
    if blocked.contains(&Some(Ordering::Equal)) {
        return VerdictReason::Blocked;
    }
    let minimum = wanted.minimum.iter().find(|(name, _)| name.eq_ignore_ascii_case(&claim.name));
    match minimum.map(|(_, minimum)| version.compare_with(minimum)) {
        Some(Some(Ordering::Less)) => VerdictReason::TooOld,
        Some(None) => VerdictReason::Malformed,
        _ if blocked.contains(&None) => VerdictReason::Malformed,
        _ => VerdictReason::Meets,
    }
}

fn seen<'a>(
    kind: RequirementKind,
    value: impl Into<Cow<'a, str>>,
    read: impl Into<Cow<'a, str>>,
) -> Observed<'a> {
    Observed { kind, value: value.into(), read: read.into() }
}
