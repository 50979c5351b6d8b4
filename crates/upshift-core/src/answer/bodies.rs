//! The bodies of a refusal: JSON, HTML, plain text, and the trailers of gRPC.

use jiff::Timestamp;

use super::context::AnswerContext;
use super::format::Format;
use super::grpc::grpc_fields;
use super::html::RefusalPage;
use super::kinds::{button_label, summarize_requirement, upgrade_url};
use super::message::FieldLine;
use super::problem::{BrownoutWindow, ObservedValue, OtherRefusal, ProblemBody, UpgradeAdvice};
use super::protocols::protocol_texts;
use super::status::AnswerStatus;
use super::target::shown_path;
use super::words::{RefusalText, refusal_text};
use crate::{Decision, Facts, Observed, Ruling};

/// The longest value of a request that is shown, in characters.
const VALUE_LIMIT: usize = 200;

/// Everything that the body of a refusal can show.
pub(super) struct RefusalParts<'r> {
    pub(super) decision: &'r Decision<'r>,
    pub(super) top: &'r Ruling<'r>,
    pub(super) facts: &'r Facts<'r>,
    pub(super) context: &'r AnswerContext<'r>,
    pub(super) https_url: Option<&'r str>,
    pub(super) status: AnswerStatus,
    pub(super) text: RefusalText,
    pub(super) brownout_end: Option<Timestamp>,
}

impl RefusalParts<'_> {
    /// The body in this format.
    pub(super) fn body_in(&self, format: Format) -> Vec<u8> {
        match format {
            Format::Problem => self.problem_json(),
            Format::Html => self.html_page().into_bytes(),
            Format::Text => self.plain_text().into_bytes(),
            // A gRPC client reads the refusal from the trailers and expects no message.
            Format::Grpc => Vec::new(),
        }
    }

    /// The trailers of a gRPC call, which replace the body.
    pub(super) fn grpc_trailers(&self) -> [FieldLine; 3] {
        let rule = self.top.rule;
        let protocols = protocol_texts(self.top, self.facts, self.context);
        let metadata = [
            ("rule", &*rule.id),
            ("reason", self.top.reason.as_str()),
            ("upgrade", &protocols.join(", ")),
            // `grpc_fields` leaves out what is empty.
            ("docs", rule.docs.as_deref().unwrap_or_default()),
            ("request_id", self.context.request_id),
        ];
        let message = format!("{} {}", self.text.detail, self.text.instructions);
        grpc_fields(&message, &metadata)
    }

    fn problem_json(&self) -> Vec<u8> {
        let rule = self.top.rule;
        let problem = ProblemBody {
            detail: &self.text.detail,
            // RFC 9457 §4.2.1: "about:blank" says no more than the status code does.
            kind_url: rule.docs.as_deref().unwrap_or("about:blank"),
            title: self.status.reason_phrase(),
            status: self.status.code(),
            instance: &shown_path(self.facts.path),
            rule: &rule.id,
            phase: self.top.phase().as_str(),
            reason: self.top.reason.as_str(),
            observed: self.top.observed.iter().map(observed_value).collect(),
            required: rule.require.iter().map(summarize_requirement).collect(),
            upgrade: UpgradeAdvice {
                url: self.upgrade_url(),
                protocols: protocol_texts(self.top, self.facts, self.context),
                instructions: &self.text.instructions,
            },
            docs: rule.docs.as_deref(),
            successor: rule.successor.as_deref(),
            sunset: rule.sunset().map(|sunset| sunset.to_string()),
            window: self.brownout_end.map(|end| BrownoutWindow { ends_at: end.to_string() }),
            retryable: self.brownout_end.is_some(),
            also: self.other_refusals(),
            request_id: self.context.request_id,
        };
        // This cannot fail: every key is a string, and writing to memory succeeds.
        let mut body = serde_json::to_vec_pretty(&problem).unwrap_or_default();
        // Otherwise a shell would print its prompt right behind the body.
        body.push(b'\n');
        body
    }

    fn other_refusals(&self) -> Vec<OtherRefusal<'_>> {
        let mut others = Vec::new();
        for ruling in self.decision.refusing() {
            // The ruling itself is compared, because two rules can refuse for equal reasons.
            if !std::ptr::eq(ruling, self.top) {
                let text = refusal_text(ruling, self.facts, self.context, self.https_url);
                others.push(OtherRefusal { rule: &ruling.rule.id, detail: text.detail });
            }
        }
        others
    }

    fn html_page(&self) -> String {
        let label = button_label(self.top.kind);
        let mut observed = Vec::new();
        for seen in &self.top.observed {
            observed.push(format!("{} ({})", shown_value(&seen.value), seen.read));
        }
        let window_end = self.brownout_end.map(|end| end.to_string());
        let page = RefusalPage {
            heading: &self.text.heading,
            detail: &self.text.detail,
            instructions: &self.text.instructions,
            window_end: window_end.as_deref(),
            button: self.upgrade_url().map(|url| (url, label)),
            docs: self.top.rule.docs.as_deref(),
            status: self.status.code(),
            title: self.status.reason_phrase(),
            rule: &self.top.rule.id,
            reason: self.top.reason.as_str(),
            instance: &shown_path(self.facts.path),
            observed: &observed.join(", "),
            request_id: self.context.request_id,
        };
        page.render_html()
    }

    fn plain_text(&self) -> String {
        let mut text = format!("{}\n{}\n", self.text.detail, self.text.instructions);
        let links = [("See", self.upgrade_url()), ("Documentation", self.top.rule.docs.as_deref())];
        for (name, url) in links {
            if let Some(url) = url {
                text.push_str(&format!("{name}: {url}\n"));
            }
        }
        text
    }

    fn upgrade_url(&self) -> Option<&str> {
        upgrade_url(self.top, self.https_url)
    }
}

fn observed_value<'o>(observed: &'o Observed<'_>) -> ObservedValue<'o> {
    let (kind, value) = (observed.kind.as_str(), shown_value(&observed.value));
    ObservedValue { kind, value, read: observed.read }
}

/// A value of a request, cut to a length that people can read.
fn shown_value(value: &str) -> &str {
    // Cut between characters: a slice that ends within one would panic.
    match value.char_indices().nth(VALUE_LIMIT) {
        Some((end, _)) => &value[..end],
        None => value,
    }
}
