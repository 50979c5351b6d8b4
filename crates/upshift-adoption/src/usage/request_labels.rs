//! The labels of one request: the versions of HTTP and TLS, the client, and what a rule read.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use upshift_core::policy::client_family;
use upshift_core::{Facts, Known, Ruling, TlsState, VerdictReason};

use super::labels::{LabelSet, label_text};

/// The `User-Agent` values whose client is remembered.
const MAX_AGENTS: usize = 2 * 1024;

/// The labels that all rulings of one request share.
pub(super) struct RequestLabels {
    pub(super) http: &'static str,
    pub(super) tls: &'static str,
    pub(super) client: Arc<str>,
}

/// The labels of clients.
pub(super) struct ClientLabels {
    labels: LabelSet,
    /// The labels of earlier `User-Agent` values, because parsing one costs more than all other
    /// counting.
    remembered: HashMap<Box<[u8]>, Box<str>, RandomState>,
    none: Arc<str>,
}

impl ClientLabels {
    /// A set of at most `capacity` labels.
    pub(super) fn new(capacity: usize) -> Self {
        let labels = LabelSet::new(capacity);
        Self { labels, remembered: HashMap::default(), none: "none".into() }
    }

    /// The family and major version of the client, `unknown` if its `User-Agent` names none, and
    /// `none` if it sent none.
    pub(super) fn client_label(&mut self, facts: &Facts<'_>) -> Arc<str> {
        let Some(agent) = facts.fields.nth("user-agent", 0) else { return Arc::clone(&self.none) };
        if let Some(text) = self.remembered.get(agent) {
            return self.labels.admit_label(text, 1);
        }
        let text = client_text(agent);
        // An attacker who sends a new value each time only evicts an entry each time.
        if self.remembered.len() >= MAX_AGENTS {
            self.remembered.clear();
        }
        self.remembered.insert(agent.into(), (*text).into());
        self.labels.admit_label(&text, 1)
    }

    /// Counts further requests of a label that has a place.
    pub(super) fn add_hits(&mut self, label: &str, times: u64) {
        self.labels.add_hits(label, times);
    }

    /// Returns true if labels that are no longer seen should lose their places.
    pub(super) fn is_crowded(&self) -> bool {
        self.labels.is_crowded()
    }

    /// Frees the places of labels that are no longer seen.
    pub(super) fn sweep(&mut self) {
        self.labels.sweep();
    }
}

/// The family and major version of the client that sends this `User-Agent`; `unknown` if it names
/// none.
pub fn client_text(agent: &[u8]) -> Cow<'static, str> {
    match client_family(&String::from_utf8_lossy(agent)) {
        Some(family) => Cow::Owned(label_text(&family)),
        None => Cow::Borrowed("unknown"),
    }
}

/// The version of HTTP that the client speaks.
pub fn http_label(facts: &Facts<'_>) -> &'static str {
    match facts.http {
        Known::Is(version) => version.as_str(),
        Known::Unknown => "unknown",
    }
}

/// The version of TLS that the client speaks; `none` for cleartext, and `some` if a proxy reports
/// TLS without its version.
pub fn tls_label(facts: &Facts<'_>) -> &'static str {
    match facts.tls {
        Known::Is(TlsState::Cleartext) => "none",
        Known::Is(TlsState::Version(version)) => version.as_str(),
        Known::Is(TlsState::SomeVersion) => "some",
        Known::Unknown => "unknown",
    }
}

/// The value that decided, as a label.
pub(super) fn version_text(ruling: &Ruling<'_>) -> Cow<'static, str> {
    if let Some(fixed) = fixed_version(ruling) {
        return Cow::Borrowed(fixed);
    }
    match observed_value(ruling) {
        Some(value) => Cow::Owned(label_text(value)),
        None => Cow::Borrowed("none"),
    }
}

/// The value that decided, as it was sent; `None` if its label does not depend on it.
pub(super) fn observed_value<'r>(ruling: &'r Ruling<'_>) -> Option<&'r str> {
    if fixed_version(ruling).is_some() {
        return None;
    }
    let observed = ruling.observed.iter().find(|observed| observed.kind == ruling.kind)?;
    Some(&observed.value)
}

/// The label of a ruling that has no version, by its reason.
fn fixed_version(ruling: &Ruling<'_>) -> Option<&'static str> {
    match ruling.cause.unwrap_or(ruling.reason) {
        VerdictReason::Missing => Some("none"),
        // The values themselves are meaningless, and their number is unbounded.
        VerdictReason::Malformed => Some("malformed"),
        VerdictReason::Ambiguous => Some("ambiguous"),
        VerdictReason::UnknownClient => Some("unknown"),
        _ => None,
    }
}
