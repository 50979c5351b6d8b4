//! The values of a request that fill the holes of its answer.

use jiff::Timestamp;

use super::context::AnswerContext;
use super::cors::push_cors_lines;
use super::grpc::push_grpc_lines;
use super::shapes::{observed_api_version, observed_client};
use super::target::shown_path;
use crate::prepared::{
    Encoding, FormFields, GrpcTemplate, Hole, HoleValues, ObservedPart, RulingHole,
};
use crate::{Decision, Facts, Observed, Ruling, notice};

/// The most characters of a request's value that are shown.
const VALUE_LIMIT: usize = 200;

/// The values of one request.
pub(super) struct RequestValues<'r> {
    pub(super) decision: &'r Decision<'r>,
    /// The ruling that decided.
    pub(super) top: &'r Ruling<'r>,
    pub(super) facts: &'r Facts<'r>,
    pub(super) context: &'r AnswerContext<'r>,
    pub(super) https_url: Option<&'r str>,
}

impl HoleValues for RequestValues<'_> {
    fn push_value(&self, hole: Hole, encoding: Encoding, out: &mut String) {
        match hole {
            Hole::Ruling(place, value) => {
                if let Some(ruling) = self.ruling_at(place) {
                    push_ruling_value(ruling, value, encoding, out);
                }
            }
            Hole::Path => encoding.push_text(&shown_path(self.facts.path), out),
            Hole::HttpsUrl => encoding.push_text(self.https_url.unwrap_or_default(), out),
            Hole::AltSvc => encoding.push_text(self.context.alt_svc.unwrap_or_default(), out),
            Hole::RequestId => encoding.push_text(self.context.request_id, out),
            Hole::WindowEnd => {
                if let Some(end) = self.top.rollout.until {
                    encoding.push_text(&end.to_string(), out);
                }
            }
            Hole::SecondsLeft => self.push_seconds_left(out),
            Hole::VerdictFields(form) => self.push_verdict_fields(form, out),
            Hole::DeprecatedVersions => self.push_deprecated_versions(out),
            Hole::CorsLines => push_cors_lines(self.facts, out),
        }
    }
}

impl<'r> RequestValues<'r> {
    /// Appends the trailers of a gRPC call.
    pub(super) fn push_grpc_lines(&self, grpc: &GrpcTemplate, out: &mut String) {
        let mut message = String::new();
        grpc.message.fill(self, &mut message);
        let mut metadata: Vec<(&str, &str)> = Vec::new();
        for (key, value) in &grpc.metadata {
            metadata.push((key, value));
        }
        metadata.push(("request_id", self.context.request_id));
        push_grpc_lines(&message, &metadata, out);
    }

    /// The ruling with this index among those that refuse.
    fn ruling_at(&self, place: usize) -> Option<&'r Ruling<'r>> {
        if place == 0 {
            return Some(self.top);
        }
        let mut others = self.decision.refusing().filter(|ruling| !std::ptr::eq(*ruling, self.top));
        others.nth(place - 1)
    }

    fn push_seconds_left(&self, out: &mut String) {
        if let Some(end) = self.top.rollout.until {
            out.push_str(&seconds_until(end, self.context.now).to_string());
        }
    }

    fn push_verdict_fields(&self, form: FormFields, out: &mut String) {
        for field in self.decision.fields() {
            if !form.contains(field) {
                out.push_str(", ");
                out.push_str(field);
            }
        }
    }

    fn push_deprecated_versions(&self, out: &mut String) {
        let mut versions = notice::VersionList::new();
        for ruling in self.decision.refusing() {
            notice::add_outdated_versions(ruling.rule, &mut versions);
            notice::add_sent_versions(ruling, &mut versions);
        }
        versions.sort_distinct();
        if versions.is_empty() {
            return;
        }
        out.push_str(notice::DEPRECATED_VERSIONS);
        let mut separator = ": ";
        for version in &versions {
            out.push_str(separator);
            out.push_str(version);
            separator = ", ";
        }
        out.push_str("\r\n");
    }
}

/// The seconds for `Retry-After`.
fn seconds_until(end: Timestamp, now: Timestamp) -> i64 {
    // The window may end within this second, and 0 would ask for a retry before its end.
    (end.as_second() - now.as_second()).max(1)
}

fn push_ruling_value(ruling: &Ruling<'_>, value: RulingHole, encoding: Encoding, out: &mut String) {
    match value {
        RulingHole::Observed(index, part) => {
            if let Some(observed) = ruling.observed.get(index) {
                encoding.push_text(observed_text(observed, part), out);
            }
        }
        RulingHole::Api(part) => {
            if let Some(observed) = observed_api_version(ruling) {
                encoding.push_text(observed_text(observed, part), out);
            }
        }
        RulingHole::ClientName => {
            let (name, _) = observed_client(ruling).unwrap_or_default();
            encoding.push_text(name, out);
        }
        RulingHole::ClientVersion => {
            let (_, version) = observed_client(ruling).unwrap_or_default();
            encoding.push_text(version, out);
        }
        RulingHole::Client => {
            let (name, version) = observed_client(ruling).unwrap_or_default();
            let client = format!("{name} {version}");
            // A client without a version is shown by its name alone.
            encoding.push_text(client.trim_end(), out);
        }
    }
}

fn observed_text<'r>(observed: &'r Observed<'_>, part: ObservedPart) -> &'r str {
    match part {
        ObservedPart::Kind => observed.kind.as_str(),
        ObservedPart::Value => &observed.value,
        ObservedPart::ShownValue => shown_value(&observed.value),
        ObservedPart::Place => observed.read,
    }
}

/// A value of a request, cut to a readable length.
fn shown_value(value: &str) -> &str {
    // No character is shorter than a byte.
    if value.len() <= VALUE_LIMIT {
        return value;
    }
    // Cut between characters: a slice that ends within one would panic.
    match value.char_indices().nth(VALUE_LIMIT) {
        Some((end, _)) => &value[..end],
        None => value,
    }
}
