//! `require = { client = … }`: the place where a client names itself, and the versions of it that
//! are admitted.

use std::collections::BTreeMap;
use std::ops::Range;

use upshift_core::policy::{ClientReader, ClientRequirement, NAME_WORDS};
use upshift_core::version::ClientVersion;

use crate::reader::read_readers;
use crate::span_diagnostic::SpanDiagnostic;
use crate::toml_value::{TomlEntry, TomlValue};
use crate::visible::is_visible;

/// Common names of browsers, and the family that each is read as.
const ALIASES: [(&str, &str); 8] = [
    ("Google Chrome", "Chrome"),
    ("IE", "Internet Explorer"),
    ("Microsoft Edge", "Edge"),
    ("Mobile Safari", "Safari"),
    ("Mozilla Firefox", "Firefox"),
    ("MSIE", "Internet Explorer"),
    ("Samsung Internet", "Samsung"),
    ("Trident", "Internet Explorer"),
];

/// Browsers with a reduced User-Agent: on most platforms they send zeros behind the first number,
/// as in `Chrome/120.0.0.0`.
const REDUCED: [&str; 3] = ["Chrome", "Edge", "Opera"];

/// Browsers that also send the version of their engine, `Safari/605.1.15` or `AppleWebKit/537.36`.
/// Their own versions are far lower.
const WITH_ENGINE: [&str; 7] =
    ["Chrome", "Edge", "Opera", "Safari", "Samsung", "Vivaldi", "Yandex"];

/// The least first number of a version of WebKit, which all of [`WITH_ENGINE`] send.
const MIN_ENGINE_VERSION: u64 = 400;

/// The form of a place where a client names itself.
#[derive(Clone, Copy)]
enum ReaderForm {
    Header,
    UserAgent,
}

const READER_FORMS: [(&str, ReaderForm); 3] = [
    ("header:NAME", ReaderForm::Header),
    ("header:NAME=CLIENT", ReaderForm::Header),
    ("user-agent", ReaderForm::UserAgent),
];

/// Reads the value of `client`.
pub(crate) fn read_client(value: &TomlValue<'_>) -> Option<ClientRequirement> {
    let mut table = value.read_table("Client")?;
    let read = match table.get("read") {
        Some(readers) => read_readers(&readers, read_client_reader),
        None => vec![ClientReader::UserAgent],
    };
    let minimum_value = table.get("minimum");
    let blocked_value = table.get("blocked");
    table.report_unknown_keys();
    if minimum_value.is_none() && blocked_value.is_none() {
        let error = value.error_here("the requirement refuses no client");
        value.report(
            error
                .with_label("`minimum` or `blocked` is missing")
                .with_help("add minimum = { AcmeApp = \"5.1\" }, or blocked = [\"AcmeApp/5.3.0\"]"),
        );
        return None;
    }
    // Both are read after `read`: its readers decide which names can occur.
    let minimum = match minimum_value {
        Some(entries) => read_minimums(&entries, &read),
        None => Some(BTreeMap::new()),
    };
    let blocked = match blocked_value {
        Some(builds) => read_builds(&builds, &read),
        None => Some(Vec::new()),
    };
    if read.is_empty() {
        return None;
    }
    // Both are complete before the first `?`, so that the errors of both are reported.
    Some(ClientRequirement { minimum: minimum?, blocked: blocked?, read })
}

/// Reads `minimum`; `None` if an entry is wrong. Each wrong entry is reported.
fn read_minimums(
    value: &TomlValue<'_>,
    readers: &[ClientReader],
) -> Option<BTreeMap<Box<str>, ClientVersion>> {
    let mut minimums = BTreeMap::new();
    let mut has_error = false;
    for entry in value.read_entries("a table such as { AcmeApp = \"5.1\" }")? {
        match read_minimum(&entry, readers) {
            Some(version) => {
                minimums.insert(entry.key.into(), version);
            }
            // The loop goes on, so that the errors of the other entries are reported as well.
            None => has_error = true,
        }
    }
    if has_error { None } else { Some(minimums) }
}

fn read_minimum(entry: &TomlEntry<'_>, readers: &[ClientReader]) -> Option<ClientVersion> {
    let TomlEntry { key: name, key_span, value } = entry;
    // The version is parsed first, so that a wrong name does not hide an error in it.
    let version = read_client_version(value);
    let fault = name_fault(name, readers);
    if let Some(fault) = &fault {
        let error = SpanDiagnostic::error(key_span.clone(), unmatched_name(name));
        value.report(error.with_label(fault));
    }
    warn_of_alias(name, readers, key_span.clone(), value);
    if let Some(version) = &version {
        warn_of_unsent_version(name, version, readers, value);
    }
    if fault.is_some() { None } else { version }
}

fn read_client_version(value: &TomlValue<'_>) -> Option<ClientVersion> {
    let text = value.read_string("a string, a version of the client")?;
    match ClientVersion::parse(text) {
        Ok(version) => Some(version),
        Err(error) => {
            let message = format!("`{text}` is not a client version");
            value.report_error(message, error.to_string());
            None
        }
    }
}

/// Reads `blocked`; `None` if a build is wrong. Each wrong build is reported.
fn read_builds(
    value: &TomlValue<'_>,
    readers: &[ClientReader],
) -> Option<Vec<(Box<str>, ClientVersion)>> {
    let members = value.one_or_more();
    let mut builds = Vec::new();
    for member in &members {
        builds.extend(read_build(member, readers));
    }
    // Not `is_empty`: `blocked = []` is valid and blocks no build.
    if builds.len() < members.len() { None } else { Some(builds) }
}

fn read_build(
    value: &TomlValue<'_>,
    readers: &[ClientReader],
) -> Option<(Box<str>, ClientVersion)> {
    let (name, version) = value.parse_with("a build such as \"AcmeApp/5.3.0\"", parse_build)?;
    if let Some(fault) = name_fault(&name, readers) {
        value.report_error(unmatched_name(&name), fault);
        return None;
    }
    warn_of_alias(&name, readers, value.span(), value);
    warn_of_unsent_version(&name, &version, readers, value);
    Some((name, version))
}

fn parse_build(text: &str) -> Result<(Box<str>, ClientVersion), String> {
    let Some((name, version)) = text.split_once('/') else {
        return Err("expected a `/` and the version".to_owned());
    };
    match (name.trim(), ClientVersion::parse(version)) {
        (_, Err(error)) => Err(error.to_string()),
        ("", Ok(_)) => Err("the name is missing".to_owned()),
        (name, Ok(version)) => Ok((name.into(), version)),
    }
}

fn unmatched_name(name: &str) -> String {
    format!("no client can have the name `{name}`")
}

/// The reason why no reader can yield this name.
fn name_fault(name: &str, readers: &[ClientReader]) -> Option<String> {
    // The error in `read` is reported already.
    if readers.is_empty() {
        return None;
    }
    if let Some(clients) = fixed_names(readers) {
        // The core compares names without case, too.
        if clients.iter().any(|client| client.eq_ignore_ascii_case(name)) {
            return None;
        }
        return Some(format!("`read` yields {} only", clients.join(" and ")));
    }
    let words: Vec<&str> = name.split(' ').collect();
    // First the likeliest mistake, a name copied with its version from a User-Agent.
    if name.contains('/') {
        Some("a name has no slash; the version is the value".to_owned())
    } else if name.contains(['(', ')']) {
        // RFC 9110 §5.6.5: a comment is in parentheses.
        Some("text in parentheses is a comment, and comments are not read".to_owned())
    } else if words.contains(&"") || !name.chars().all(is_visible) {
        Some("a name is words with one space between them".to_owned())
    } else if words.len() > NAME_WORDS {
        Some(format!("a name has at most {NAME_WORDS} words"))
    } else {
        None
    }
}

/// The names that the readers yield, if each of them yields one fixed name.
fn fixed_names(readers: &[ClientReader]) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    for reader in readers {
        match reader {
            ClientReader::HeaderOf(_, client) => names.push(&**client),
            // The request itself names the client, so that any name can occur.
            ClientReader::Header(_) | ClientReader::UserAgent => return None,
        }
    }
    Some(names)
}

/// Warns if the name is a common name of a browser that no browser sends.
fn warn_of_alias(name: &str, readers: &[ClientReader], span: Range<usize>, value: &TomlValue<'_>) {
    // A field of the author's own may well say `Google Chrome`.
    if readers.iter().any(|reader| *reader != ClientReader::UserAgent) {
        return;
    }
    for (alias, family) in ALIASES {
        if alias.eq_ignore_ascii_case(name) {
            let warning = SpanDiagnostic::warning(span, format!("no browser is read as `{name}`"));
            value.report(
                warning
                    .with_label("browsers are read by their family name")
                    .with_help(format!("write `{family}`")),
            );
            return;
        }
    }
}

/// Warns if the browser never sends such a version: it is that of the engine, or its part behind
/// the first number is reduced to zeros.
fn warn_of_unsent_version(
    name: &str,
    version: &ClientVersion,
    readers: &[ClientReader],
    value: &TomlValue<'_>,
) {
    // Only the User-Agent is reduced; a field of an app has its full version.
    if !readers.contains(&ClientReader::UserAgent) {
        return;
    }
    // A version such as `120` has no rest, which is how it should be written.
    let (first, rest) = version.as_str().split_once('.').unwrap_or((version.as_str(), ""));
    let may_be_engine = first.parse::<u64>().is_ok_and(|first| first >= MIN_ENGINE_VERSION);
    // Before the reduced browsers: `Chrome/537.36` is the engine, and has a rest as well.
    if may_be_engine && is_listed(name, &WITH_ENGINE) {
        let message = format!("`{version}` is a version of the engine, not of {name}");
        value.report(
            SpanDiagnostic::warning(value.span(), message)
                .with_label("no browser is that new")
                .with_help("of `Version/16.4 … Safari/605.1.15`, 16.4 is read"),
        );
    } else if is_listed(name, &REDUCED) && rest.contains(|c| matches!(c, '1'..='9')) {
        let message = format!("{name} sends zeros behind the first number, as in {first}.0.0.0");
        value.report(
            SpanDiagnostic::warning(value.span(), message)
                .with_label("every release with that number is older than this")
                .with_help(format!("write `{first}`, or read the version from your own field")),
        );
    }
}

fn is_listed(name: &str, names: &[&str]) -> bool {
    names.iter().any(|listed| listed.eq_ignore_ascii_case(name))
}

fn read_client_reader(value: &TomlValue<'_>) -> Option<ClientReader> {
    match value.split_reader(&READER_FORMS)? {
        (ReaderForm::Header, argument) => read_header_reader(argument, value),
        (ReaderForm::UserAgent, _) => Some(ClientReader::UserAgent),
    }
}

fn read_header_reader(argument: &str, value: &TomlValue<'_>) -> Option<ClientReader> {
    match argument.split_once('=') {
        Some((_, client)) if client.trim().is_empty() => {
            value
                .report_error("the name of the client is missing", "expected `header:NAME=CLIENT`");
            None
        }
        Some((field, client)) => {
            Some(ClientReader::HeaderOf(value.parse_field_name(field)?, client.trim().into()))
        }
        None => Some(ClientReader::Header(value.parse_field_name(argument)?)),
    }
}
