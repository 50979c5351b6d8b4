//! How a refusal is put on the wire, for this connection and this reader.
//!
//! 1. A 426 over HTTP/1.x carries `Upgrade` and `Connection: upgrade`; over HTTP/2 and 3 neither
//!    ([`UpgradeRequired`]).
//! 2. Behind a declared proxy it has the strict status, because `Upgrade` is hop by hop and would
//!    be lost, or worse, be carried into HTTP/2.
//! 3. Every refusal is `no-store`, varies on each field that was read, and may be read by a script
//!    of another origin.
//! 4. Links are built from what the operator wrote, or lead to a listener on loopback; never from
//!    an unknown `Host`.
//!
//! ```
//! use upshift_core::answer::{AnswerContext, refusal_for};
//! use upshift_core::policy::{PolicySpec, Requirement, RuleSpec};
//! use upshift_core::{Facts, HttpVersion, Known, Policy, Timestamp, TlsState, TlsVersion};
//!
//! let rule = RuleSpec::new("needs-tls", vec![Requirement::Tls(TlsVersion::V1_2)]);
//! let policy = Policy::new(PolicySpec { rules: vec![rule], ..PolicySpec::default() }).expect("one good rule");
//! let fields: Vec<(&str, &str)> = Vec::new();
//! let mut facts = Facts {
//!     method: "GET", host: "example.com", path: "/", query: None, client_ip: None, fields: &fields,
//!     hop: HttpVersion::V1_1, http: Known::Is(HttpVersion::V1_1), tls: Known::Is(TlsState::Cleartext), has_content: false, protocol: None,
//! };
//! let context = AnswerContext::default();
//!
//! let answer = refusal_for(&policy.decide(&facts, Timestamp::UNIX_EPOCH), &facts, &context).expect("refused");
//! assert_eq!((answer.status(), answer.field("Upgrade")), (426, Some("TLS/1.2")));
//!
//! facts.tls = Known::Is(TlsState::Version(TlsVersion::V1_3));
//! assert!(refusal_for(&policy.decide(&facts, Timestamp::UNIX_EPOCH), &facts, &context).is_none());
//! ```

mod format;
mod grpc;
mod html;
mod problem;
mod protocols;
mod status;
mod target;
mod words;

use std::net::SocketAddr;

use jiff::Timestamp;

pub use format::Format;
pub use problem::{ClientMinimum, RequirementSummary, summarize_requirement};
pub use status::{AnswerStatus, OtherStatus, UpgradeRequired, reason_phrase};

use words::RefusalText;

use crate::decision::{Decision, RequirementKind, Ruling, Verdict, VerdictReason};
use crate::field::Protocol;
use crate::policy::{AnswerStyle, Phase, Requirement};
use crate::{Facts, Known, TlsState, notice};

/// The inputs of an answer beside the decision.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnswerContext<'a> {
    /// This listener switches to HTTP/2 on `Upgrade: h2c`.
    pub h2c: bool,
    /// This listener switches to TLS in band (RFC 2817).
    pub tls_in_band: bool,
    /// A declared proxy stands between the client and us.
    pub proxied: bool,
    /// That proxy hands `Upgrade` on rightly (`upgrade-field = true`).
    pub upgrade_field: bool,
    /// The base of links: `https://api.example.com`, without a slash at its end.
    pub public_url: Option<&'a str>,
    /// The address of the `https` listener, for clients that ask for this machine by a loopback
    /// name.
    pub https_listener: Option<SocketAddr>,
    /// The value of `Alt-Svc` that announces HTTP/3.
    pub alt_svc: Option<&'a str>,
    /// The request's id.
    pub request_id: &'a str,
    /// The time of the answer.
    pub now: Timestamp,
}

/// An answer, ready for any codec. `Content-Length` and `Date` are the codec's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: AnswerStatus,
    fields: Vec<(&'static str, String)>,
    body: Vec<u8>,
    close: bool,
}

impl Answer {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.status.code()
    }

    /// The field lines. Over HTTP/1.x a 426 has `Upgrade` and `Connection` among them.
    pub fn fields(&self) -> &[(&'static str, String)] {
        &self.fields
    }

    /// The value of the first line called `name`, compared without case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body; empty for HEAD and for gRPC.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body, without a copy.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// The connection is to be closed behind it.
    pub fn closes(&self) -> bool {
        self.close
    }
}

/// The answer to a request that is refused; `None` if it is not.
pub fn refusal_for(
    decision: &Decision<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> Option<Answer> {
    let top = decision.top().filter(|top| top.verdict == Verdict::Refuse)?;
    let https = target::https(top, facts, context);
    if redirects(top, facts)
        && let (Some(url), Some(status)) = (&https, OtherStatus::new(308))
    {
        return Some(redirect(decision, facts, url, status));
    }
    let format = Format::of(facts);
    let status = if format == Format::Grpc {
        AnswerStatus::Other(OtherStatus::new(200)?)
    } else {
        status(top, facts, context)
    };
    let refusal = RefusalBuilder { decision, top, facts, context, https, format, status };
    Some(refusal.answer())
}

/// The fields of another's 426 that go out on this hop: those that keep the RFCs, whatever came.
///
/// RFC 9110 §7.6.1: `Upgrade` and `Connection` are this hop's affair. `tokens` are the upstream's
/// own; TLS, HTTP and h2c among them are not its to ask for. `None` where nothing is left to name
/// on HTTP/1.x and no rule lends its own.
pub fn restate_upgrade_required(
    tokens: &[Protocol],
    decision: &Decision<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> Option<UpgradeRequired> {
    if !facts.is_http1() {
        return Some(UpgradeRequired::multiplexed());
    }
    let own = |protocol: &&Protocol| {
        !["TLS", "HTTP", "h2c", "h2"].iter().any(|name| protocol.is_named(name))
    };
    let kept: Vec<Protocol> = tokens.iter().filter(own).cloned().collect();
    let lent =
        || decision.top().map(|top| protocols::wanted(top, facts, context)).unwrap_or_default();
    let protocols = if kept.is_empty() { lent() } else { kept };
    crate::field::UpgradeList::new(protocols).map(UpgradeRequired::http1)
}

struct RefusalBuilder<'r, 'd> {
    decision: &'r Decision<'d>,
    top: &'r Ruling<'d>,
    facts: &'r Facts<'d>,
    context: &'r AnswerContext<'r>,
    https: Option<String>,
    format: Format,
    status: AnswerStatus,
}

impl RefusalBuilder<'_, '_> {
    fn answer(self) -> Answer {
        let words = words::words(self.top, self.facts, self.context, self.https.as_deref());
        let close =
            self.top.kind == RequirementKind::Http && self.facts.hop <= crate::HttpVersion::V1_0;
        let fields = self.fields(&words, close);
        let body = match self.format {
            _ if self.facts.method == "HEAD" => Vec::new(),
            Format::Grpc => Vec::new(),
            Format::Problem => self.problem(&words),
            Format::Html => self.html(&words).into_bytes(),
            Format::Text => self.text(&words).into_bytes(),
        };
        Answer { status: self.status, fields, body, close }
    }

    fn fields(&self, words: &RefusalText, close: bool) -> Vec<(&'static str, String)> {
        let mut fields: Vec<(&'static str, String)> = Vec::with_capacity(12);
        if let AnswerStatus::UpgradeRequired(required) = &self.status {
            self.upgrade_fields(required, close, &mut fields);
        }
        fields.push(("Content-Type", self.format.content_type().to_owned()));
        fields.push(("Cache-Control", "no-store".to_owned()));
        fields.push(("Vary", vary(self.decision, self.facts)));
        if let Some(seconds) = self.retry_after() {
            fields.push(("Retry-After", seconds.to_string()));
        }
        if self.asks_for(|requirement| {
            matches!(requirement, Requirement::Http(crate::HttpVersion::V3))
        }) {
            fields.extend(self.context.alt_svc.map(|alt_svc| ("Alt-Svc", alt_svc.to_owned())));
        }
        for (name, value) in notice::refusal_lines(self.decision) {
            fields.push((name, value.into_owned()));
        }
        if self.format == Format::Html {
            fields.push(("Content-Security-Policy", html::SECURITY_POLICY.to_owned()));
        }
        fields.push(("X-Content-Type-Options", "nosniff".to_owned()));
        cors(self.facts, &mut fields);
        if self.format == Format::Grpc {
            fields.extend(self.grpc_fields(words));
        }
        fields
    }

    fn upgrade_fields(
        &self,
        required: &UpgradeRequired,
        close: bool,
        fields: &mut Vec<(&'static str, String)>,
    ) {
        if let Some(upgrade) = required.upgrade_value() {
            fields.push(("Upgrade", upgrade));
            // RFC 9110 §7.8: "A sender of Upgrade MUST also send an "Upgrade" connection option".
            fields
                .push(("Connection", if close { "upgrade, close" } else { "upgrade" }.to_owned()));
            if let Some(Requirement::WebSocket(wanted)) =
                self.find(|requirement| matches!(requirement, Requirement::WebSocket(_)))
            {
                // RFC 6455 §4.4: the server MUST respond with the versions that it will use.
                fields.push(("Sec-WebSocket-Version", wanted.version.to_string()));
            }
        }
        if let Some(url) = &self.https {
            fields.push(("Location", url.clone()));
            fields.push(("Link", format!("<{url}>; rel=\"alternate\"")));
        }
    }

    fn problem(&self, words: &RefusalText) -> Vec<u8> {
        let rule = self.top.rule;
        let observed = self.top.observed.iter().map(|observed| problem::ObservedValue {
            kind: observed.kind.as_str(),
            value: shown(&observed.value),
            read: observed.read,
        });
        let also = self.decision.refusing().filter(|ruling| !std::ptr::eq(*ruling, self.top)).map(
            |ruling| problem::OtherRefusal {
                rule: &ruling.rule.id,
                detail: words::words(ruling, self.facts, self.context, self.https.as_deref())
                    .detail,
            },
        );
        let problem = problem::ProblemBody {
            detail: &words.detail,
            kind_url: rule.docs.as_deref().unwrap_or("about:blank"),
            title: self.status.reason_phrase(),
            status: self.status.code(),
            instance: &target::shown_path(self.facts.path),
            rule: &rule.id,
            phase: self.top.phase().as_str(),
            reason: self.top.reason.as_str(),
            observed: observed.collect(),
            required: rule.require.iter().map(summarize_requirement).collect(),
            upgrade: problem::UpgradeAdvice {
                url: self.upgrade_url(),
                protocols: protocols::wanted(self.top, self.facts, self.context)
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                instructions: &words.instructions,
            },
            docs: rule.docs.as_deref(),
            successor: rule.successor.as_deref(),
            sunset: rule.sunset().map(|sunset| sunset.to_string()),
            window: self.window().map(|ends_at| problem::BrownoutWindow { ends_at }),
            retryable: self.window().is_some(),
            also: also.collect(),
            request_id: self.context.request_id,
        };
        let mut body = serde_json::to_vec_pretty(&problem).unwrap_or_default();
        body.push(b'\n');
        body
    }

    fn html(&self, words: &RefusalText) -> String {
        let label = match self.top.kind {
            RequirementKind::Tls => "Open the secure page",
            RequirementKind::Client => "Get the update",
            _ => "See what to do",
        };
        let seen: Vec<_> = self
            .top
            .observed
            .iter()
            .map(|seen| format!("{} ({})", shown(&seen.value), seen.read))
            .collect();
        html::RefusalPage {
            heading: &words.heading,
            detail: &words.detail,
            instructions: &words.instructions,
            window: self.window().as_deref(),
            button: self.upgrade_url().map(|url| (url, label)),
            docs: self.top.rule.docs.as_deref(),
            status: self.status.code(),
            title: self.status.reason_phrase(),
            rule: &self.top.rule.id,
            reason: self.top.reason.as_str(),
            instance: &target::shown_path(self.facts.path),
            observed: &seen.join(", "),
            request_id: self.context.request_id,
        }
        .render()
    }

    fn text(&self, words: &RefusalText) -> String {
        let mut text = format!("{}\n{}\n", words.detail, words.instructions);
        for (name, url) in
            [("See", self.upgrade_url()), ("Documentation", self.top.rule.docs.as_deref())]
        {
            if let Some(url) = url {
                text.push_str(&format!("{name}: {url}\n"));
            }
        }
        text
    }

    fn grpc_fields(&self, words: &RefusalText) -> [(&'static str, String); 3] {
        let rule = self.top.rule;
        let protocols = protocols::wanted(self.top, self.facts, self.context);
        let protocols: Vec<_> = protocols.iter().map(ToString::to_string).collect();
        let metadata = [
            ("rule", &*rule.id),
            ("reason", self.top.reason.as_str()),
            ("upgrade", &protocols.join(", ")),
            ("docs", rule.docs.as_deref().unwrap_or_default()),
            ("request_id", self.context.request_id),
        ];
        grpc::fields(&format!("{} {}", words.detail, words.instructions), &metadata)
    }

    /// The address for a person or program to go to next.
    fn upgrade_url(&self) -> Option<&str> {
        let rule = self.top.rule;
        match self.top.kind {
            RequirementKind::Tls => self.https.as_deref(),
            RequirementKind::Client => rule.upgrade_url.url_for(protocols::client_name(self.top)),
            RequirementKind::Api => rule.successor.as_deref(),
            _ => rule.upgrade_url.url_for(None),
        }
    }

    fn brownout_end(&self) -> Option<Timestamp> {
        self.top.rollout.until.filter(|_| self.top.phase() == Phase::Brownout)
    }

    fn window(&self) -> Option<String> {
        self.brownout_end().map(|end| end.to_string())
    }

    fn retry_after(&self) -> Option<i64> {
        self.brownout_end().map(|end| (end.as_second() - self.context.now.as_second()).max(1))
    }

    fn asks_for(&self, which: impl Fn(&Requirement) -> bool) -> bool {
        self.find(which).is_some()
    }

    fn find(&self, which: impl Fn(&Requirement) -> bool) -> Option<&Requirement> {
        self.top.rule.require.iter().find(|requirement| which(requirement))
    }
}

fn status(top: &Ruling<'_>, facts: &Facts<'_>, context: &AnswerContext<'_>) -> AnswerStatus {
    // RFC 9110 §7.8: `Upgrade` is for this hop, and the proxy at its end is not who has to upgrade.
    let hidden = facts.is_http1() && context.proxied && !context.upgrade_field;
    let code = match top.rule.answer {
        AnswerStyle::Status(code) if code != 426 => code,
        AnswerStyle::Strict => strict(top),
        // To one who has just offered WebSocket, `Upgrade: websocket` would say: do that again.
        _ if top.cause == Some(VerdictReason::Subprotocol) => 400,
        _ if hidden => strict(top),
        _ => 426,
    };
    match OtherStatus::new(code) {
        Some(other) => AnswerStatus::Other(other),
        None if facts.is_http1() => AnswerStatus::UpgradeRequired(UpgradeRequired::http1(
            protocols::list(top, facts, context),
        )),
        None => AnswerStatus::UpgradeRequired(UpgradeRequired::multiplexed()),
    }
}

/// The status for those who keep 426 to protocols.
fn strict(top: &Ruling<'_>) -> u16 {
    match (top.cause.unwrap_or(top.reason), top.kind) {
        (VerdictReason::Subprotocol, _) => 400,
        (
            VerdictReason::Missing
            | VerdictReason::Malformed
            | VerdictReason::Ambiguous
            | VerdictReason::TooNew,
            _,
        ) => 400,
        (_, RequirementKind::Api) => 410,
        _ => 403,
    }
}

/// A browser that goes to a page in clear: it follows a redirect, and shows a 426 as an error.
fn redirects(top: &Ruling<'_>, facts: &Facts<'_>) -> bool {
    let clear = top.kind == RequirementKind::Tls && facts.tls == Known::Is(TlsState::Cleartext);
    let reads = ["GET", "HEAD"].contains(&facts.method);
    let navigates = || match facts.fields.text("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => Format::of(facts) == Format::Html,
    };
    top.rule.answer == AnswerStyle::Redirect && clear && reads && navigates()
}

fn redirect(decision: &Decision<'_>, facts: &Facts<'_>, url: &str, status: OtherStatus) -> Answer {
    let fields = vec![
        ("Location", url.to_owned()),
        ("Cache-Control", "no-store".to_owned()),
        ("Vary", vary(decision, facts)),
    ];
    Answer { status: AnswerStatus::Other(status), fields, body: Vec::new(), close: false }
}

/// Each field that was read, by the policy or to choose the form.
fn vary(decision: &Decision<'_>, facts: &Facts<'_>) -> String {
    let mut names = vec!["Accept", "User-Agent", "Origin"];
    if !facts.is_http1() {
        names.push("Content-Type");
    }
    if decision.refusing().any(|ruling| ruling.rule.answer == AnswerStyle::Redirect) {
        names.push("Sec-Fetch-Mode");
    }
    for field in decision.fields() {
        if !names.contains(field) {
            names.push(field);
        }
    }
    names.join(", ")
}

/// Lets a script of the asking origin read the answer (Fetch, "CORS protocol"): to it, a 426 that
/// it may not read looks like a network that is down.
fn cors(facts: &Facts<'_>, fields: &mut Vec<(&'static str, String)>) {
    const EXPOSED: &str = "Deprecation, Sunset, Link, Retry-After, Location, api-supported-versions, api-deprecated-versions, X-Request-Id";
    let origin = facts.fields.text("origin");
    if let Some(origin) = origin
        .filter(|origin| origin.len() < 512 && origin.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        fields.push(("Access-Control-Allow-Origin", origin.to_owned()));
        if origin != "null" {
            fields.push(("Access-Control-Allow-Credentials", "true".to_owned()));
        }
        fields.push(("Access-Control-Expose-Headers", EXPOSED.to_owned()));
    }
}

/// A value of a request, cut to a length that is for reading.
fn shown(value: &str) -> &str {
    value.char_indices().nth(200).map_or(value, |(end, _)| &value[..end])
}
