//! `require = { client = … }`: where a client names itself, and which versions of it are admitted.

use std::collections::BTreeMap;

use upshift_core::policy::{ClientReader, ClientRequirement, NAME_WORDS};
use upshift_core::version::ClientVersion;

use crate::diagnostic::Finding;
use crate::document::Item;
use crate::requirement::readers;
use crate::visible::is_visible;

/// Names under which people know a browser, and the family that it is read as.
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

/// Browsers that send zeros behind the first number, in `Chrome/120.0.0.0`, on most of their
/// platforms.
const REDUCED: [&str; 3] = ["Chrome", "Edge", "Opera"];

/// Browsers whose versions are far below the number of their engine, `Safari/605.1.15` and
/// `AppleWebKit/537.36`.
const WITH_ENGINE: [&str; 7] =
    ["Chrome", "Edge", "Opera", "Safari", "Samsung", "Vivaldi", "Yandex"];

/// The first number of WebKit, which all of them name, is at least this.
const ENGINE: u64 = 400;

/// Reads what stands at `client`.
pub(crate) fn client(item: &Item<'_>) -> Option<ClientRequirement> {
    let mut section = item.section("Client")?;
    let read = match section.get("read") {
        Some(item) => readers(&item, reader),
        None => vec![ClientReader::UserAgent],
    };
    let minimum = section.get("minimum");
    let blocked = section.get("blocked");
    section.close();
    if minimum.is_none() && blocked.is_none() {
        let finding = item
            .error("this requirement refuses no client")
            .label("`minimum` or `blocked` is missing");
        item.report(
            finding.help("add minimum = { AcmeApp = \"5.1\" }, or blocked = [\"AcmeApp/5.3.0\"]"),
        );
        return None;
    }
    let minimum = minimum.map_or(Some(BTreeMap::new()), |item| minimums(&item, &read));
    let blocked = blocked.map(|item| item.one_or_more()).unwrap_or_default();
    // Each wrong entry is reported, and then the requirement is wrong as a whole.
    let builds: Vec<_> = blocked.iter().map(|item| build(item, &read)).collect();
    let blocked = builds.into_iter().collect::<Option<_>>();
    Some(ClientRequirement { minimum: minimum?, blocked: blocked?, read })
        .filter(|client| !client.read.is_empty())
}

fn minimums(item: &Item<'_>, read: &[ClientReader]) -> Option<BTreeMap<Box<str>, ClientVersion>> {
    let mut minimums = Some(BTreeMap::new());
    for (name, item) in item.entries("a table such as { AcmeApp = \"5.1\" }")? {
        let version = version(&item);
        let fault = name_fault(name.get_ref(), read);
        if let Some(fault) = &fault {
            item.report(Finding::error(name.span(), unmatched(name.get_ref())).label(fault));
        }
        if let Some(finding) = alias(name.get_ref(), read, name.span()) {
            item.report(finding);
        }
        if let Some(finding) = version
            .as_ref()
            .and_then(|version| never_sent(name.get_ref(), version, read, item.span()))
        {
            item.report(finding);
        }
        match version.filter(|_| fault.is_none()) {
            Some(version) => {
                minimums
                    .as_mut()
                    .map(|minimums| minimums.insert((*name.get_ref()).into(), version));
            }
            None => minimums = None,
        }
    }
    minimums
}

fn version(item: &Item<'_>) -> Option<ClientVersion> {
    let text = item.string("a string, a version of the client")?;
    let found = ClientVersion::parse(text);
    found
        .map_err(|error| {
            item.wrong(format!("`{text}` is not a client's version"), error.to_string());
        })
        .ok()
}

fn build(item: &Item<'_>, read: &[ClientReader]) -> Option<(Box<str>, ClientVersion)> {
    let (name, version) = item.parsed("a build such as \"AcmeApp/5.3.0\"", |text| {
        let (name, version) = text.split_once('/').ok_or("the version is missing behind a `/`")?;
        let version = ClientVersion::parse(version).map_err(|error| error.to_string())?;
        match name.trim() {
            "" => Err("the name is missing".to_owned()),
            name => Ok((Box::from(name), version)),
        }
    })?;
    if let Some(fault) = name_fault(&name, read) {
        item.wrong(unmatched(&name), fault);
        return None;
    }
    let warnings =
        [alias(&name, read, item.span()), never_sent(&name, &version, read, item.span())];
    warnings.into_iter().flatten().for_each(|finding| item.report(finding));
    Some((name, version))
}

fn unmatched(name: &str) -> String {
    format!("no client can be called `{name}`")
}

/// Why no reader can yield this name.
fn name_fault(name: &str, read: &[ClientReader]) -> Option<String> {
    let only_of: Option<Vec<&str>> = read.iter().map(of_client).collect();
    if let Some(clients) = only_of {
        let known = clients.iter().any(|client| client.eq_ignore_ascii_case(name));
        return (!known && !clients.is_empty())
            .then(|| format!("`read` reads {} only", clients.join(" and ")));
    }
    let words: Vec<&str> = name.split(' ').collect();
    if name.contains('/') {
        Some("a name has no slash; the version is the value".to_owned())
    } else if name.contains(['(', ')']) {
        Some("what stands in brackets is a comment, and comments are not read".to_owned())
    } else if words.contains(&"") || !name.chars().all(is_visible) {
        Some("a name is words with one space between them".to_owned())
    } else {
        (words.len() > NAME_WORDS)
            .then(|| format!("a name of more than {NAME_WORDS} words is not looked for"))
    }
}

/// The one client that a reader yields.
fn of_client(reader: &ClientReader) -> Option<&str> {
    match reader {
        ClientReader::HeaderOf(_, client) => Some(client),
        ClientReader::Header(_) | ClientReader::UserAgent => None,
    }
}

/// A warning where a browser is meant and called by a name that it does not send.
fn alias(name: &str, read: &[ClientReader], span: std::ops::Range<usize>) -> Option<Finding> {
    let (_, family) = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name))?;
    let by_agent = read.iter().all(|reader| *reader == ClientReader::UserAgent);
    by_agent.then(|| {
        Finding::warning(span, format!("no browser is read as `{name}`"))
            .label("a browser is known by its family")
            .help(format!("write `{family}`"))
    })
}

/// A warning where a browser never sends such a version: the rest of a reduced User-Agent, or the
/// number of the engine.
fn never_sent(
    name: &str,
    version: &ClientVersion,
    read: &[ClientReader],
    span: std::ops::Range<usize>,
) -> Option<Finding> {
    if !read.contains(&ClientReader::UserAgent) {
        return None;
    }
    let (first, behind) = version.as_str().split_once('.').unwrap_or((version.as_str(), ""));
    let engine = first.parse::<u64>().is_ok_and(|first| first >= ENGINE);
    if engine && WITH_ENGINE.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        let finding = Finding::warning(
            span,
            format!("`{version}` is a version of the engine, and not of {name}"),
        );
        return Some(
            finding
                .label("no browser is that new")
                .help("of `Version/16.4 … Safari/605.1.15`, 16.4 is read"),
        );
    }
    let is_reduced = REDUCED.iter().any(|known| known.eq_ignore_ascii_case(name));
    (is_reduced && behind.contains(|c: char| matches!(c, '1'..='9'))).then(|| {
        Finding::warning(
            span,
            format!("{name} sends zeros behind the first number, such as {first}.0.0.0"),
        )
        .label("compared with this, every release of that number is older")
        .help(format!("write `{first}`, or read the version from a field of your own"))
    })
}

fn reader(item: &Item<'_>) -> Option<ClientReader> {
    const FORMS: [&str; 3] = ["header:NAME", "header:NAME=CLIENT", "user-agent"];
    let (kind, argument) = item.reader(&FORMS)?;
    match (kind, argument.split_once('=')) {
        ("user-agent", _) => Some(ClientReader::UserAgent),
        (_, Some((_, client))) if client.trim().is_empty() => {
            item.wrong("the name of the client is missing", "expected `header:NAME=CLIENT`");
            None
        }
        (_, Some((name, client))) => {
            Some(ClientReader::HeaderOf(item.field(name)?, client.trim().into()))
        }
        (_, None) => Some(ClientReader::Header(item.field(argument)?)),
    }
}
