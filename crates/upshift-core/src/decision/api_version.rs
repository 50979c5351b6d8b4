//! The requirement of an API version.

use std::borrow::Cow;

use super::outcome::{Observed, ObservedValues};
use crate::facts::Facts;
use crate::field::{Accept, MediaType};
use crate::inline_text::InlineText;
use crate::inline_vec::InlineVec;
use crate::policy::query;
use crate::policy::reading::PathReading;
use crate::policy::requirement::{ApiReader, ApiRequirement, RequirementKind};
use crate::verdict::VerdictReason;
use crate::version::Version;

/// The most values that are compared. A request that sends more is ambiguous, even if they agree.
const VALUES: usize = 16;

/// The values of one reader; nearly always one.
type ReadValues<'v> = InlineVec<Cow<'v, str>, 2>;

/// All readers are read; equal versions in different spellings count as one.
pub(super) fn evaluate_api<'p>(
    wanted: &'p ApiRequirement,
    readers: &'p [Box<str>],
    facts: &Facts<'_>,
    path: &PathReading<'_>,
    observed: &mut ObservedValues<'p>,
) -> VerdictReason {
    let before = observed.len();
    for (reader, text) in wanted.read.iter().zip(readers) {
        for value in &read_values(reader, facts, path) {
            let value = InlineText::from(&**value);
            observed.push(Observed::new(RequirementKind::Api, value, text));
        }
    }
    let sent = &observed[before..];
    if sent.iter().all(|observed| observed.value.is_empty()) {
        observed.truncate(before);
        return assumed_reason(wanted, observed);
    }
    if sent.iter().any(|observed| observed.value.is_empty()) {
        // An empty value alone counts as none. Beside another one it may be the one that the
        // upstream reads.
        return VerdictReason::Ambiguous;
    }
    sent_reason(wanted, sent)
}

/// The result for a request that sends no version.
fn assumed_reason<'p>(
    wanted: &'p ApiRequirement,
    observed: &mut ObservedValues<'p>,
) -> VerdictReason {
    let Some(assumed) = &wanted.assume else { return VerdictReason::Missing };
    observed.push(Observed::new(RequirementKind::Api, assumed.as_str(), "assume"));
    version_reason(wanted, assumed)
}

fn sent_reason(wanted: &ApiRequirement, sent: &[Observed<'_>]) -> VerdictReason {
    let mut first: Option<Version> = None;
    let mut are_different = false;
    for observed in sent {
        // Also beside valid ones: the upstream may read this value and not the others.
        let Ok(version) = wanted.scheme.parse(&observed.value) else {
            return VerdictReason::Malformed;
        };
        match &first {
            Some(first) => are_different |= version != *first,
            None => first = Some(version),
        }
    }
    match first {
        // The readers stop one above the limit, so there may be others that differ.
        Some(_) if are_different || sent.len() > VALUES => VerdictReason::Ambiguous,
        Some(version) => version_reason(wanted, &version),
        // The caller handles a request without versions; this arm keeps the match complete.
        None => VerdictReason::Missing,
    }
}

/// `minimum` alone refuses as too old. `supported` is a list for the client's information, but a
/// version above the greatest in it does not exist yet.
fn version_reason(wanted: &ApiRequirement, version: &Version) -> VerdictReason {
    if *version < wanted.minimum {
        return VerdictReason::TooOld;
    }
    match wanted.supported.iter().max() {
        Some(newest) if version > newest => VerdictReason::TooNew,
        _ => VerdictReason::Meets,
    }
}

/// The values of one reader; at most one more than [`VALUES`], which is enough to see that there
/// are too many.
fn read_values<'v>(
    reader: &ApiReader,
    facts: &Facts<'v>,
    path: &'v PathReading<'_>,
) -> ReadValues<'v> {
    match reader {
        ApiReader::Header(name) => header_values(facts, name.lower()),
        ApiReader::Query(name) => {
            // Nearly every request: it has no query, and nothing is read of it.
            let Some(query) = facts.query else { return ReadValues::new() };
            query::parameter_values(query, name, VALUES + 1).collect()
        }
        ApiReader::Path(template) => template.capture(path).into_iter().collect(),
        ApiReader::MediaTypeParameter(_) | ApiReader::MediaTypeTemplate { .. } => {
            media_type_values(reader, facts)
        }
    }
}

fn header_values<'v>(facts: &Facts<'v>, name: &str) -> ReadValues<'v> {
    let mut values = ReadValues::new();
    for line in facts.fields.all(name) {
        // RFC 9110 §5.3: a proxy may have joined several lines into one list.
        for value in line.split(|byte| *byte == b',') {
            if values.len() > VALUES {
                return values;
            }
            values.push(String::from_utf8_lossy(value.trim_ascii()));
        }
    }
    values
}

/// The values in the media type of the content, and then in each member of `Accept`, the heaviest
/// first. Both are read, because frameworks differ on which of them counts.
fn media_type_values<'v>(reader: &ApiReader, facts: &Facts<'v>) -> ReadValues<'v> {
    let mut values = ReadValues::new();
    // Without content the field describes nothing, although many libraries send it.
    if facts.has_content {
        for line in facts.fields.all("content-type") {
            add_content_type_values(reader, line, &mut values);
        }
    }
    let accept = Accept::from_fields(facts.fields);
    for range in &accept.by_weight() {
        let before = values.len();
        add_values_in(reader, range.media, &mut values);
        if range.weight == 0 && values.len() > before {
            // RFC 9110 §12.4.2: 0 means "not acceptable". A recipient that ignores weights reads
            // the version all the same, so an empty value makes the request ambiguous.
            values.truncate(before);
            values.push(Cow::Borrowed(""));
        }
        if values.len() > VALUES {
            break;
        }
    }
    values.truncate(VALUES + 1);
    values
}

fn add_content_type_values<'v>(reader: &ApiReader, line: &'v [u8], values: &mut ReadValues<'v>) {
    match String::from_utf8_lossy(line) {
        Cow::Borrowed(text) => {
            if let Some(media) = MediaType::parse(text) {
                add_values_in(reader, media, values);
            }
        }
        // The text was repaired, so its values cannot borrow from the request.
        Cow::Owned(text) => {
            if let Some(media) = MediaType::parse(&text) {
                let mut repaired = ReadValues::new();
                add_values_in(reader, media, &mut repaired);
                for value in &repaired {
                    values.push(Cow::Owned(value.to_string()));
                }
            }
        }
    }
}

/// Adds the values that the reader finds in one media type.
fn add_values_in<'v>(reader: &ApiReader, media: MediaType<'v>, values: &mut ReadValues<'v>) {
    match reader {
        ApiReader::MediaTypeParameter(name) => values.extend(media.parameter_values(name)),
        ApiReader::MediaTypeTemplate { prefix, suffix } => {
            values.extend(captured_text(media.essence, prefix, suffix));
        }
        // `read_values` calls this for media types only.
        ApiReader::Header(_) | ApiReader::Query(_) | ApiReader::Path(_) => {}
    }
}

/// The text between `prefix` and `suffix` in `essence`, in lower case; never empty.
fn captured_text<'v>(essence: &'v str, prefix: &str, suffix: &str) -> Option<Cow<'v, str>> {
    // RFC 9110 §8.3.1: "The type and subtype tokens are case-insensitive."
    let (head, after) = essence.split_at_checked(prefix.len())?;
    let (captured, tail) = after.split_at_checked(after.len().checked_sub(suffix.len())?)?;
    let is_framed = head.eq_ignore_ascii_case(prefix) && tail.eq_ignore_ascii_case(suffix);
    if !is_framed || captured.is_empty() {
        return None;
    }
    // Nearly every client sends lower case, and then nothing is copied.
    let has_capitals = captured.bytes().any(|byte| byte.is_ascii_uppercase());
    Some(if has_capitals { captured.to_ascii_lowercase().into() } else { captured.into() })
}
