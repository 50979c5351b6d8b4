//! The requirement of an API version.

use super::outcome::{Observed, ObservedValues};
use crate::facts::Facts;
use crate::field::{Accept, MediaType};
use crate::policy::query;
use crate::policy::reading::PathReading;
use crate::policy::requirement::{ApiReader, ApiRequirement, RequirementKind};
use crate::verdict::VerdictReason;
use crate::version::Version;

/// The most values that are compared. A request that sends more is ambiguous, even if they agree.
const VALUES: usize = 16;

/// All readers are read; equal versions in different spellings count as one.
pub(super) fn evaluate_api<'p>(
    wanted: &'p ApiRequirement,
    readers: &'p [Box<str>],
    facts: &Facts<'_>,
    path: &PathReading<'_>,
    observed: &mut ObservedValues<'p>,
) -> VerdictReason {
    let mut sent = Vec::new();
    for (reader, text) in wanted.read.iter().zip(readers) {
        for value in read_values(reader, facts, path) {
            sent.push(Observed::new(RequirementKind::Api, value, text));
        }
    }
    let empty = sent.iter().filter(|observed| observed.value.is_empty()).count();
    if empty == sent.len() {
        return assumed_reason(wanted, observed);
    }
    let reason = if empty > 0 {
        // An empty value alone counts as none. Beside another one it may be the one that the
        // upstream reads.
        VerdictReason::Ambiguous
    } else {
        sent_reason(wanted, &sent)
    };
    observed.extend(sent);
    reason
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
    let mut versions = Vec::with_capacity(sent.len());
    for observed in sent {
        match wanted.scheme.parse(&observed.value) {
            Ok(version) => versions.push(version),
            // Also beside valid ones: the upstream may read this value and not the others.
            Err(_) => return VerdictReason::Malformed,
        }
    }
    match versions.as_slice() {
        // The caller handles a request without versions; this arm keeps the match complete.
        [] => VerdictReason::Missing,
        // The readers stop one above the limit, so there may be others that differ.
        all if all.len() > VALUES => VerdictReason::Ambiguous,
        [first, others @ ..] if others.iter().any(|other| other != first) => {
            VerdictReason::Ambiguous
        }
        [first, ..] => version_reason(wanted, first),
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
fn read_values(reader: &ApiReader, facts: &Facts<'_>, path: &PathReading<'_>) -> Vec<String> {
    match reader {
        ApiReader::Header(name) => header_values(facts, name.lower()),
        ApiReader::Query(name) => {
            query::parameter_values(facts.query.unwrap_or_default(), name, VALUES + 1)
        }
        ApiReader::Path(template) => match template.capture(path) {
            Some(value) => vec![value.into_owned()],
            None => Vec::new(),
        },
        ApiReader::MediaTypeParameter(_) | ApiReader::MediaTypeTemplate { .. } => {
            media_type_values(reader, facts)
        }
    }
}

fn header_values(facts: &Facts<'_>, name: &str) -> Vec<String> {
    let mut values = Vec::new();
    for line in facts.fields.all(name) {
        // RFC 9110 §5.3: a proxy may have joined several lines into one list.
        for value in line.split(|byte| *byte == b',') {
            if values.len() > VALUES {
                return values;
            }
            values.push(String::from_utf8_lossy(value.trim_ascii()).into_owned());
        }
    }
    values
}

/// The values in the media type of the content, and then in each member of `Accept`, the heaviest
/// first. Both are read, because frameworks differ on which of them counts.
fn media_type_values(reader: &ApiReader, facts: &Facts<'_>) -> Vec<String> {
    let mut values = Vec::new();
    // Without content the field describes nothing, although many libraries send it.
    if facts.has_content {
        for line in facts.fields.all("content-type") {
            let text = String::from_utf8_lossy(line);
            if let Some(media) = MediaType::parse(&text) {
                values.append(&mut values_in(reader, media));
            }
        }
    }
    let accept = Accept::from_fields(facts.fields);
    for range in accept.by_weight() {
        let mut found = values_in(reader, range.media);
        if range.weight == 0 && !found.is_empty() {
            // RFC 9110 §12.4.2: 0 means "not acceptable". A recipient that ignores weights reads
            // the version all the same, so an empty value makes the request ambiguous.
            values.push(String::new());
        } else {
            values.append(&mut found);
        }
        if values.len() > VALUES {
            break;
        }
    }
    values.truncate(VALUES + 1);
    values
}

/// The values that the reader finds in one media type.
fn values_in(reader: &ApiReader, media: MediaType<'_>) -> Vec<String> {
    let mut values = Vec::new();
    match reader {
        ApiReader::MediaTypeParameter(name) => {
            for value in media.parameter_values(name) {
                values.push(value.into_owned());
            }
        }
        ApiReader::MediaTypeTemplate { prefix, suffix } => {
            values.extend(captured_text(media.essence, prefix, suffix));
        }
        // `read_values` calls this for media types only.
        ApiReader::Header(_) | ApiReader::Query(_) | ApiReader::Path(_) => {}
    }
    values
}

/// The text between `prefix` and `suffix` in `essence`, compared without case; never empty.
fn captured_text(essence: &str, prefix: &str, suffix: &str) -> Option<String> {
    // RFC 9110 §8.3.1: "The type and subtype tokens are case-insensitive."
    let lower = essence.to_ascii_lowercase();
    let after = lower.strip_prefix(&prefix.to_ascii_lowercase())?;
    let captured = after.strip_suffix(&suffix.to_ascii_lowercase())?;
    if captured.is_empty() { None } else { Some(captured.to_owned()) }
}
