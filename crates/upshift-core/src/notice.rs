//! The announcement of a later refusal on a request that passes now.
//!
//! 1. Only requests that `enforce` would refuse get one, from `warn` on; never a compliant one.
//! 2. `Deprecation` (RFC 9745) and `Sunset` (RFC 8594) go with API rules; rules of other kinds send
//!    a link to `docs`.
//! 3. Of several rules, and of what the upstream itself sends, the earliest date counts and every
//!    link is kept.
//! 4. `Vary` of a response that passes names the fields that API versions are read from, and no
//!    others: to vary on `User-Agent` would defeat all caching.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::decision::{Decision, Ruling};
use crate::facts::Fields;
use crate::field::date::{deprecation_date, parse_deprecation_date, parse_http_date};
use crate::field::{FieldName, is_token};
use crate::inline_vec::InlineVec;
use crate::policy::exemption::ExemptedBy;
use crate::policy::phase::PhaseEffect;
use crate::policy::requirement::RequirementKind;
use crate::policy::rule::Rule;
use crate::verdict::{Verdict, VerdictReason};

/// The versions that the server supports, as ASP.NET's clients read them.
const SUPPORTED_VERSIONS: &str = "api-supported-versions";

/// The versions that it will soon not support, the caller's own included.
pub(crate) const DEPRECATED_VERSIONS: &str = "api-deprecated-versions";

/// A change to the fields of the upstream's response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldChange<'p> {
    /// Replace all lines of this name with this one.
    Set(&'static str, Cow<'p, str>),
    /// Add this line.
    Append(&'static str, Cow<'p, str>),
}

/// A field line of a refusal.
type FieldLine<'p> = (&'static str, Cow<'p, str>);

/// The changes to a response that passes; none for nearly every request.
pub fn changes<'p>(decision: &Decision<'p>, upstream: &dyn Fields) -> Vec<FieldChange<'p>> {
    let mut changes = Vec::new();
    let (mut warned, mut deprecated) = (Vec::<&'p Rule>::new(), VersionList::new());
    for ruling in decision.matched() {
        if is_warned(ruling) {
            warned.push(ruling.rule);
            add_outdated_versions(ruling.rule, &mut deprecated);
            add_sent_versions(ruling, &mut deprecated);
        }
    }
    if !warned.is_empty() {
        add_date_changes(&warned, upstream, &mut changes);
        for link in link_lines(&warned) {
            changes.push(FieldChange::Append("Link", Cow::Borrowed(link)));
        }
        let lists = [
            (SUPPORTED_VERSIONS, supported_versions(&warned)),
            (DEPRECATED_VERSIONS, list_versions(deprecated)),
        ];
        for (name, versions) in lists {
            // The upstream knows its own versions better.
            if let Some(versions) = versions
                && !upstream.has(name)
            {
                changes.push(FieldChange::Set(name, Cow::Owned(versions)));
            }
        }
    }
    if let Some(names) = api_fields(decision) {
        // Appended, because the upstream may vary on fields of its own.
        changes.push(FieldChange::Append("Vary", names));
    }
    changes
}

/// The lines by which a refusal announces these rules. It has no upstream to consider.
pub(crate) fn rule_lines<'p>(rules: &[&'p Rule]) -> Vec<FieldLine<'p>> {
    let dates = EarliestDates::of_rules(rules);
    let mut lines: Vec<FieldLine<'p>> = Vec::new();
    if let Some(date) = dates.deprecated {
        lines.push(("Deprecation", Cow::Owned(deprecation_date(date))));
    }
    if let Some((_, text)) = dates.sunset {
        lines.push(("Sunset", Cow::Borrowed(text)));
    }
    for link in link_lines(rules) {
        lines.push(("Link", Cow::Borrowed(link)));
    }
    if let Some(versions) = supported_versions(rules) {
        lines.push((SUPPORTED_VERSIONS, Cow::Owned(versions)));
    }
    lines
}

fn is_warned(ruling: &Ruling<'_>) -> bool {
    match ruling.exempted {
        // An exemption of the operator ends at a date, so its callers are warned as well.
        Some(ExemptedBy::Exemption(_)) if ruling.phase().effect() >= PhaseEffect::Warn => true,
        _ => ruling.verdict == Verdict::Warn,
    }
}

/// The earliest dates of several rules.
struct EarliestDates<'p> {
    deprecated: Option<Timestamp>,
    sunset: Option<(Timestamp, &'p str)>,
}

impl<'p> EarliestDates<'p> {
    fn of_rules(rules: &[&'p Rule]) -> Self {
        let mut earliest = Self { deprecated: None, sunset: None };
        for rule in rules {
            let notice = rule.notice();
            if let Some((date, text)) = &notice.sunset
                && is_earlier(*date, earliest.sunset.map(|(sunset, _)| sunset))
            {
                earliest.sunset = Some((*date, &**text));
            }
            if let Some(date) = notice.deprecated
                && is_earlier(date, earliest.deprecated)
            {
                earliest.deprecated = Some(date);
            }
        }
        // RFC 9745 §4: the sunset date MUST NOT be earlier than the deprecation date.
        if let (Some(deprecated), Some((sunset, _))) = (earliest.deprecated, earliest.sunset) {
            earliest.deprecated = Some(deprecated.min(sunset));
        }
        earliest
    }
}

fn is_earlier(date: Timestamp, known: Option<Timestamp>) -> bool {
    match known {
        Some(known) => date < known,
        None => true,
    }
}

fn add_date_changes<'p>(
    warned: &[&'p Rule],
    upstream: &dyn Fields,
    changes: &mut Vec<FieldChange<'p>>,
) {
    // A date of the upstream that is earlier, and legal, stays as it is.
    let dates = EarliestDates::of_rules(warned);
    let upstream_deprecated = upstream.text("deprecation").and_then(parse_deprecation_date);
    if let Some(date) = dates.deprecated
        && is_earlier(date, upstream_deprecated)
    {
        changes.push(FieldChange::Set("Deprecation", Cow::Owned(deprecation_date(date))));
    }
    let upstream_sunset = upstream.text("sunset").and_then(parse_http_date);
    if let Some((date, text)) = dates.sunset
        && is_earlier(date, upstream_sunset)
    {
        changes.push(FieldChange::Set("Sunset", Cow::Borrowed(text)));
    }
}

fn link_lines<'p>(rules: &[&'p Rule]) -> Vec<&'p str> {
    let mut lines: Vec<&str> = Vec::new();
    for rule in rules {
        for link in &rule.notice().links {
            // Rules of one API often share their documentation.
            if lines.last() != Some(&&**link) {
                lines.push(link);
            }
        }
    }
    lines
}

/// The value of `api-supported-versions`: the versions served at and above the minimum.
fn supported_versions(rules: &[&Rule]) -> Option<String> {
    let mut supported: Vec<&str> = Vec::new();
    for rule in rules {
        supported.extend(rule.notice().supported.iter().map(AsRef::as_ref));
    }
    if supported.is_empty() { None } else { Some(supported.join(", ")) }
}

/// The versions of `api-deprecated-versions`, as they are collected.
pub(crate) type VersionList<'r> = InlineVec<&'r str, 8>;

/// The value of `api-deprecated-versions`.
pub(crate) fn list_versions(mut versions: VersionList<'_>) -> Option<String> {
    versions.sort_distinct();
    if versions.is_empty() { None } else { Some(versions.join(", ")) }
}

/// Adds the versions that are served below the minimum.
pub(crate) fn add_outdated_versions<'r>(rule: &'r Rule, versions: &mut VersionList<'r>) {
    versions.extend(rule.notice().outdated.iter().map(AsRef::as_ref));
}

/// Adds the API versions that were sent, and are too old.
pub(crate) fn add_sent_versions<'r>(ruling: &'r Ruling<'_>, versions: &mut VersionList<'r>) {
    // Only a version that is too old is known to be a deprecated one.
    if ruling.cause != Some(VerdictReason::TooOld) {
        return;
    }
    for observed in &ruling.observed {
        // The observed value becomes one element of a list of tokens.
        if observed.kind == RequirementKind::Api && is_token(&observed.value) {
            versions.push(&observed.value);
        }
    }
}

/// The fields that API versions are read from, for `Vary`; `None` without an API rule.
fn api_fields<'p>(decision: &Decision<'p>) -> Option<Cow<'p, str>> {
    let mut fields: Vec<&'p FieldName> = Vec::new();
    for ruling in decision.matched() {
        fields.extend(&ruling.rule.notice().varies_on);
    }
    // One field is the usual case and needs no copy.
    if let [only] = fields.as_slice() {
        return Some(Cow::Borrowed(only.written()));
    }
    fields.sort_unstable_by(|a, b| a.lower().cmp(b.lower()));
    fields.dedup();
    if fields.is_empty() {
        return None;
    }
    let names: Vec<&str> = fields.into_iter().map(FieldName::written).collect();
    Some(Cow::Owned(names.join(", ")))
}
