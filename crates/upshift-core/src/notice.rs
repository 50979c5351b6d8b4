//! What a request that passes but would be refused later is told.
//!
//! 1. Only who would be refused at `enforce` is told, from `warn` on; never a caller who complies.
//! 2. `Deprecation` (RFC 9745) and `Sunset` (RFC 8594) go with API rules; the other kinds get a
//!    link to `docs`.
//! 3. Of several rules, and of what the upstream says itself, the earliest date counts and every
//!    link is kept.
//! 4. `Vary` of an answer that passes names the fields that API versions are read from, and no
//!    others: to vary on `User-Agent` would end all caching.

use jiff::Timestamp;

use crate::decision::{Decision, Ruling, Verdict, VerdictReason};
use crate::field::is_token;
use crate::policy::{ExemptedBy, Requirement, Rule};
use crate::version::Version;
use crate::{Fields, RequirementKind};

/// What to do with the upstream's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldChange {
    /// Put this line in the place of all of its name.
    Set(&'static str, String),
    /// Add this line.
    Append(&'static str, String),
}

/// The changes to an answer that passes; none for nearly every request.
pub fn changes(decision: &Decision<'_>, upstream: &dyn Fields) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let rulings: Vec<&Ruling<'_>> = decision.matched().filter(|ruling| is_told(ruling)).collect();
    let told: Vec<&Rule> = rulings.iter().map(|ruling| ruling.rule).collect();
    if !told.is_empty() {
        date_changes(&told, upstream, &mut changes);
        let lines = links(&told).into_iter().map(|link| FieldChange::Append("Link", link));
        changes.extend(lines);
        for (name, value) in version_lists(&rulings) {
            if !upstream.has(&name.to_ascii_lowercase()) {
                changes.push(FieldChange::Set(name, value));
            }
        }
    }
    let vary = api_fields(decision);
    if !vary.is_empty() {
        changes.push(FieldChange::Append("Vary", vary.join(", ")));
    }
    changes
}

/// The same lines for a refusal, which stands for itself.
pub(crate) fn of_refusal(decision: &Decision<'_>) -> Vec<(&'static str, String)> {
    let rulings: Vec<&Ruling<'_>> = decision.refusing().collect();
    let refusing: Vec<&Rule> = rulings.iter().map(|ruling| ruling.rule).collect();
    let Dates { deprecated, sunset } = Dates::earliest(&refusing);
    let mut fields: Vec<(&'static str, String)> = Vec::new();
    fields.extend(deprecated.map(|date| ("Deprecation", deprecation(date))));
    fields.extend(sunset.map(|date| ("Sunset", http_date(date))));
    fields.extend(links(&refusing).into_iter().map(|link| ("Link", link)));
    fields.extend(version_lists(&rulings));
    fields
}

/// `IMF-fixdate` (RFC 9110 §5.6.7): two digits for the day, and `GMT`.
pub fn http_date(date: Timestamp) -> String {
    date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A field's name in the case that people know: `x-api-version` is `X-Api-Version`.
pub(crate) fn title_case(name: &str) -> String {
    let parts = name.split('-').map(|part| {
        if part == "websocket" {
            return "WebSocket".to_owned();
        }
        let mut characters = part.chars();
        characters
            .next()
            .map(|first| first.to_ascii_uppercase().to_string() + characters.as_str())
            .unwrap_or_default()
    });
    parts.collect::<Vec<_>>().join("-")
}

/// RFC 9745 §2.1: an Item Structured Field, a Date.
fn deprecation(date: Timestamp) -> String {
    format!("@{}", date.as_second())
}

fn is_told(ruling: &Ruling<'_>) -> bool {
    let excused = matches!(ruling.exempted, Some(ExemptedBy::Exemption(_)))
        && ruling.moment.phase > crate::Phase::Observe;
    ruling.verdict == Verdict::Warn || excused
}

struct Dates {
    deprecated: Option<Timestamp>,
    sunset: Option<Timestamp>,
}

impl Dates {
    fn earliest(rules: &[&Rule]) -> Self {
        let api = || rules.iter().filter(|rule| is_api(rule));
        let sunset = api().filter_map(|rule| rule.sunset()).min();
        let deprecated = api().filter_map(|rule| rule.deprecated()).min();
        // RFC 9745 §4: the sunset date MUST NOT be earlier than the deprecation date.
        let deprecated = deprecated.map(|date| sunset.map_or(date, |sunset| date.min(sunset)));
        Self { deprecated, sunset }
    }
}

fn date_changes(told: &[&Rule], upstream: &dyn Fields, changes: &mut Vec<FieldChange>) {
    let Dates { deprecated, sunset } = Dates::earliest(told);
    let theirs = upstream.text("deprecation").and_then(read_deprecation);
    if let Some(date) = deprecated.filter(|ours| theirs.is_none_or(|theirs| *ours < theirs)) {
        changes.push(FieldChange::Set("Deprecation", deprecation(date)));
    }
    let theirs = upstream.text("sunset").and_then(read_http_date);
    if let Some(date) = sunset.filter(|ours| theirs.is_none_or(|theirs| *ours < theirs)) {
        changes.push(FieldChange::Set("Sunset", http_date(date)));
    }
}

/// RFC 9745's date, or the HTTP date of the drafts before it; `true`, which they had too, gives no
/// date.
fn read_deprecation(value: &str) -> Option<Timestamp> {
    match value.strip_prefix('@') {
        Some(seconds) => {
            Timestamp::from_second(seconds.split(';').next()?.trim().parse().ok()?).ok()
        }
        None => read_http_date(value),
    }
}

fn read_http_date(value: &str) -> Option<Timestamp> {
    let date = jiff::civil::DateTime::strptime("%a, %d %b %Y %H:%M:%S GMT", value).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(date).ok()
}

/// RFC 8288 links: to what explains the end, and to what comes after it.
fn links(rules: &[&Rule]) -> Vec<String> {
    let mut links = Vec::new();
    for rule in rules {
        if let Some(docs) = rule.docs.as_deref() {
            let relation = if is_api(rule) { "deprecation" } else { "help" };
            links.push(format!("<{docs}>; rel=\"{relation}\"; type=\"text/html\""));
            if is_api(rule) && rule.sunset().is_some() {
                links.push(format!("<{docs}>; rel=\"sunset\"; type=\"text/html\""));
            }
        }
        links.extend(
            rule.successor
                .as_deref()
                .map(|successor| format!("<{successor}>; rel=\"successor-version\"")),
        );
    }
    links.dedup();
    links
}

/// `api-supported-versions` and `api-deprecated-versions`, as ASP.NET's clients read them: what is
/// served at and above the minimum, and what is served below it, the caller's own version included.
fn version_lists(rulings: &[&Ruling<'_>]) -> Vec<(&'static str, String)> {
    let (mut supported, mut deprecated): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for ruling in rulings {
        for requirement in &ruling.rule.require {
            let Requirement::Api(api) = requirement else { continue };
            let (new, old): (Vec<_>, Vec<_>) =
                api.supported.iter().partition(|version| **version >= api.minimum);
            supported.extend(new.into_iter().map(Version::as_str));
            deprecated.extend(old.into_iter().map(Version::as_str));
            let own = ruling.observed.iter().filter(|seen| {
                seen.kind == RequirementKind::Api && ruling.cause == Some(VerdictReason::TooOld)
            });
            deprecated.extend(own.map(|seen| &*seen.value).filter(|version| is_token(version)));
        }
    }
    deprecated.sort_unstable();
    deprecated.dedup();
    let lists = [("api-supported-versions", supported), ("api-deprecated-versions", deprecated)];
    lists
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(name, list)| (name, list.join(", ")))
        .collect()
}

fn is_api(rule: &Rule) -> bool {
    rule.require.iter().any(|requirement| requirement.kind() == RequirementKind::Api)
}

fn api_fields(decision: &Decision<'_>) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for requirement in decision.matched().flat_map(|ruling| &ruling.rule.require) {
        if let Requirement::Api(api) = requirement {
            names.extend(
                api.read
                    .iter()
                    .flat_map(|reader| reader.fields())
                    .filter(|name| *name != "content-type"),
            );
        }
    }
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(title_case).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_their_rfcs_want() -> Result<(), jiff::Error> {
        let date: Timestamp = "2026-12-01T00:00:00Z".parse()?;
        assert_eq!(http_date(date), "Tue, 01 Dec 2026 00:00:00 GMT");
        assert_eq!(deprecation(date), "@1796083200");
        assert_eq!(read_deprecation("@1796083200"), Some(date));
        assert_eq!(read_deprecation("true"), None);
        assert_eq!(read_http_date("Tue, 01 Dec 2026 00:00:00 GMT"), Some(date));
        Ok(())
    }
}
