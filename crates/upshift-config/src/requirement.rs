//! `require`: one requirement, or a list of which any one suffices.

use std::sync::Arc;

use toml::de::DeValue;
use upshift_core::field::{FieldName, Protocol};
use upshift_core::policy::{
    ApiReader, ApiRequirement, PathTemplate, Requirement, WebSocketRequirement,
};
use upshift_core::version::{Version, VersionScheme};
use upshift_core::{HttpVersion, TlsVersion};

use crate::diagnostic::Finding;
use crate::document::{Item, Section};
use crate::spelling::{listed, nearest};

const KINDS: [&str; 6] = ["tls", "http", "websocket", "api", "client", "protocol"];
const TLS: [(&str, TlsVersion); 4] = [
    ("1.0", TlsVersion::V1_0),
    ("1.1", TlsVersion::V1_1),
    ("1.2", TlsVersion::V1_2),
    ("1.3", TlsVersion::V1_3),
];
const HTTP: [(&str, HttpVersion); 4] = [
    ("1.0", HttpVersion::V1_0),
    ("1.1", HttpVersion::V1_1),
    ("2", HttpVersion::V2),
    ("3", HttpVersion::V3),
];

/// Reads what stands at `require`.
pub(crate) fn requirements(item: &Item<'_>) -> Vec<Requirement> {
    let items = item.one_or_more();
    if items.is_empty() {
        item.wrong("`require` is an empty list", "expected at least one requirement");
    }
    items.iter().filter_map(requirement).collect()
}

fn requirement(item: &Item<'_>) -> Option<Requirement> {
    if !item.is_table() {
        return item.unexpected("a table such as { tls = \"1.2\" }");
    }
    let mut section = item.section("Requirement")?;
    let given: Vec<_> =
        KINDS.into_iter().filter_map(|kind| Some((kind, section.get(kind)?))).collect();
    let unknown = section.has_unknown();
    section.close();
    match given.as_slice() {
        [(kind, value)] => read(kind, value),
        [] if unknown => None,
        [] => {
            item.wrong("nothing is required here", format!("expected {}", listed(KINDS)));
            None
        }
        [_, (second, value), ..] => {
            let finding = value
                .error("two requirements in one table")
                .label(format!("`{second}` is the second"));
            item.report(finding.help(
                "any one suffices: require = [{ … }, { … }]\nboth must hold: write two rules",
            ));
            None
        }
    }
}

fn read(kind: &str, item: &Item<'_>) -> Option<Requirement> {
    match kind {
        "tls" => item.word("version of TLS", &TLS).map(Requirement::Tls),
        "http" => item.word("version of HTTP", &HTTP).map(Requirement::Http),
        "websocket" => websocket(item),
        "api" => api(item).map(Requirement::Api),
        "client" => crate::client::client(item).map(Requirement::Client),
        _ => protocol(item).map(Requirement::Protocol),
    }
}

fn protocol(item: &Item<'_>) -> Option<Protocol> {
    let protocol = item.parsed("a protocol such as \"derp/2\"", |text| {
        Protocol::parse(text)
            .map_err(|_| "expected a name, or a name, a slash and a version".to_owned())
    })?;
    let own = ["websocket", "h2c", "tls", "http"].into_iter().find(|name| protocol.is_named(name));
    match own {
        Some("h2c") => item.wrong("h2c is a version of HTTP", "write { http = \"2\" }"),
        Some(name) => item.wrong(
            format!("{name} has a requirement of its own"),
            format!("write {{ {name} = … }}"),
        ),
        None => return Some(protocol),
    }
    None
}

fn websocket(item: &Item<'_>) -> Option<Requirement> {
    match item.value() {
        DeValue::Boolean(false) => Some(Requirement::NoWebSocket),
        DeValue::Boolean(true) => Some(Requirement::WebSocket(WebSocketRequirement::default())),
        DeValue::Table(_) => {
            let mut section = item.section("Websocket")?;
            let version =
                section.get("version").and_then(|item| item.integer(13..=13)).unwrap_or(13);
            let subprotocols =
                section.get("subprotocols").map(|item| item.one_or_more()).unwrap_or_default();
            section.close();
            let subprotocols = subprotocols.iter().filter_map(Item::token).map(Box::from).collect();
            Some(Requirement::WebSocket(WebSocketRequirement {
                version: u8::try_from(version).ok()?,
                subprotocols,
            }))
        }
        _ => item.unexpected("true, false or a table such as { subprotocols = [\"chat.v2\"] }"),
    }
}

fn api(item: &Item<'_>) -> Option<ApiRequirement> {
    let mut section = item.section("Api")?;
    let scheme = section.get("scheme").map_or(Some(VersionScheme::Semver), |item| scheme(&item));
    let minimum = section.required("minimum", "the oldest version that is admitted");
    let supported = section.get("supported");
    let assume = section.get("assume");
    let read = api_readers(&mut section);
    let span = section.key_span("minimum");
    section.close();
    // Without a scheme no version can be judged; the error of the scheme says enough.
    let scheme = scheme?;
    let version = |item: &Item<'_>| item.version(&scheme);
    let minimum = minimum.as_ref().and_then(version);
    let supported: Vec<Version> = supported
        .map(|item| item.one_or_more())
        .unwrap_or_default()
        .iter()
        .filter_map(version)
        .collect();
    let assume = assume.as_ref().and_then(version);
    let minimum = minimum?;
    unreachable_minimum(item, span, &minimum, &supported);
    (!read.is_empty()).then_some(ApiRequirement { scheme, minimum, supported, assume, read })
}

/// A minimum above everything supported refuses everybody; a supported version below it is refused
/// all the same.
fn unreachable_minimum(
    item: &Item<'_>,
    span: std::ops::Range<usize>,
    minimum: &Version,
    supported: &[Version],
) {
    match supported.iter().max() {
        Some(greatest) if greatest < minimum => item.report(
            Finding::error(span, format!("`minimum` {minimum} is above every supported version"))
                .label(format!("the greatest in `supported` is {greatest}: nobody could comply")),
        ),
        Some(_) => {
            if let Some(low) = supported.iter().find(|version| *version < minimum) {
                item.report(
                    Finding::warning(
                        span,
                        format!("version {low} is called supported, and is refused"),
                    )
                    .label(format!("{low} is below this minimum"))
                    .help(format!("take {low} out of `supported`, or lower `minimum`")),
                );
            }
        }
        None => {}
    }
}

fn scheme(item: &Item<'_>) -> Option<VersionScheme> {
    if !item.is_table() {
        if item.value().as_str() == Some("ordered") {
            item.wrong(
                "`ordered` needs its list",
                "write { ordered = [\"alpha\", \"beta\", \"ga\"] }, the oldest first",
            );
            return None;
        }
        const NAMED: [&str; 3] = ["semver", "numeric", "date"];
        let index = item.word("scheme", &[(NAMED[0], 0), (NAMED[1], 1), (NAMED[2], 2)])?;
        return Some(
            [VersionScheme::Semver, VersionScheme::Numeric, VersionScheme::Date][index].clone(),
        );
    }
    let mut section = item.section("Ordered")?;
    let list = section
        .required("ordered", "all versions, the oldest first")
        .and_then(|item| item.list("versions"));
    section.close();
    let list = list?;
    let texts: Vec<Box<str>> = list.iter().filter_map(Item::text).map(Box::from).collect();
    for (index, (item, text)) in list.iter().zip(&texts).enumerate() {
        if texts[..index].contains(text) {
            item.wrong(
                format!("`{text}` stands here twice"),
                "each version has one place in the order",
            );
        }
    }
    Some(VersionScheme::Ordered(Arc::from(texts)))
}

/// Reads `read`, which every API version needs.
fn api_readers(section: &mut Section<'_>) -> Vec<ApiReader> {
    let item =
        section.required("read", "where the version stands, such as [\"header:X-Api-Version\"]");
    item.map(|item| readers(&item, api_reader)).unwrap_or_default()
}

/// The readers of a list that is not empty.
pub(crate) fn readers<T>(item: &Item<'_>, reader: impl Fn(&Item<'_>) -> Option<T>) -> Vec<T> {
    let items = item.one_or_more();
    if items.is_empty() {
        item.wrong("`read` is an empty list", "expected at least one reader");
    }
    items.iter().filter_map(reader).collect()
}

fn api_reader(item: &Item<'_>) -> Option<ApiReader> {
    const FORMS: [&str; 4] =
        ["header:NAME", "path:/v{version}/**", "query:NAME", "media-type:PARAMETER"];
    let (kind, argument) = item.reader(&FORMS)?;
    match kind {
        "header" => Some(ApiReader::Header(item.field(argument)?)),
        "query" => Some(ApiReader::Query(argument.into())),
        "path" => match PathTemplate::parse(argument) {
            Ok(template) => Some(ApiReader::Path(template)),
            Err(error) => {
                item.wrong(format!("`{argument}` is not a path template"), error.to_string());
                None
            }
        },
        _ => match argument.split_once("{version}") {
            Some((prefix, suffix)) => {
                Some(ApiReader::MediaTypeTemplate { prefix: prefix.into(), suffix: suffix.into() })
            }
            None => Some(ApiReader::MediaTypeParameter(argument.into())),
        },
    }
}

impl<'d> Item<'d> {
    /// A version of the scheme.
    fn version(&self, scheme: &VersionScheme) -> Option<Version> {
        let expected = format!("a string, a version of scheme {}", scheme.as_str());
        let text = self.string(&expected)?;
        let error = match scheme.parse(text) {
            Ok(version) => return Some(version),
            Err(error) => error,
        };
        let finding = self
            .error(format!("`{text}` is not a {} version", scheme.as_str()))
            .label(error.to_string());
        let is_date = matches!(scheme, VersionScheme::Semver | VersionScheme::Numeric)
            && VersionScheme::Date.parse(text).is_ok();
        self.report(if is_date {
            finding.help("dates compare with scheme = \"date\"")
        } else {
            finding
        });
        None
    }

    /// A token of RFC 9110 §5.6.2.
    pub(crate) fn token(&self) -> Option<&'d str> {
        let text = self.string("a string")?;
        if upshift_core::field::is_token(text) {
            return Some(text);
        }
        self.wrong(
            format!("`{text}` is not a token"),
            "letters, digits and -._~ only, no white space or slash",
        );
        None
    }

    /// Splits a reader into its kind, one that `forms` begin with, and its argument.
    pub(crate) fn reader(&self, forms: &[&'static str]) -> Option<(&'static str, &'d str)> {
        let expected = listed(forms.iter().copied());
        let text = self.string("a string such as \"header:X-Api-Version\"")?;
        let (kind, argument) = text.split_once(':').unwrap_or((text, ""));
        let kinds = || forms.iter().map(|form| form.split(':').next().unwrap_or(form));
        let Some(known) = kinds().find(|known| *known == kind) else {
            let finding = self
                .error(format!("unknown reader `{kind}`"))
                .label(format!("expected {expected}"));
            let near = nearest(kind, kinds());
            self.report(match near {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding,
            });
            return None;
        };
        let bare = forms.contains(&known);
        if argument.is_empty() != bare {
            let fault = if bare { "takes no argument" } else { "needs a name" };
            self.wrong(format!("the reader `{known}` {fault}"), format!("expected {expected}"));
            return None;
        }
        Some((known, argument))
    }

    /// The name of a field within this string.
    pub(crate) fn field(&self, name: &str) -> Option<FieldName> {
        let found = FieldName::parse(name);
        if found.is_none() {
            self.wrong(
                format!("`{name}` is not the name of a field"),
                "letters, digits and - only",
            );
        }
        found
    }
}
