//! Explanations: the decision on a request that was never sent, as the gateway would make it.

use std::fmt::{Display, Formatter};
use std::net::IpAddr;

use http::{HeaderName, HeaderValue, Method, Request, Uri, Version, request};
use upshift_core::answer::refusal_for;
use upshift_core::client_info::ConnectionInfo;
use upshift_core::notice::{self, FieldChange};
use upshift_core::{
    Decision, HttpVersion, Known, Policy, Timestamp, TlsState, TlsVersion, Verdict,
};
use upshift_record::control::ExplainRequest;
use upshift_record::{AnswerRecord, DecisionRecord};

use crate::exchange::context::{
    Configured, Context, RequestHead, apply_connection_options, check_head, ends_here,
};
use crate::exchange::respond::problem_json;
use crate::local_reply::LocalReply;
use crate::received_request::ReceivedRequest;
use crate::settings::Settings;
use crate::sockets::ListenerInfo;

/// The request id of an explanation.
const REQUEST_ID: &str = "explain";

/// A described request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainQuery {
    /// The method.
    pub method: String,
    /// The target.
    pub target: ExplainTarget,
    /// The version of HTTP.
    pub http: HttpVersion,
    /// The version of TLS; `None`: TLS 1.3 for `https`, none for `http`.
    pub tls: Option<TlsVersion>,
    /// The address that the connection comes from.
    pub peer: IpAddr,
    /// The field lines; `:protocol` is that of an extended CONNECT.
    pub fields: Vec<(String, String)>,
    /// The time of the decision.
    pub at: Timestamp,
}

/// The target of a described request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainTarget {
    /// Over TLS.
    pub https: bool,
    /// Host and port.
    pub authority: String,
    /// Path and query, as typed.
    pub path: String,
}

impl ExplainTarget {
    /// Reads `http://host/path?query`.
    ///
    /// # Errors
    /// A sentence about the part that is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (https, rest) = match text.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some((scheme, _)) => {
                return Err(format!("the scheme is http or https, not `{scheme}`"));
            }
            None => return Err(format!("the scheme is missing: http://{text} or https://{text}")),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() {
            return Err("the host is missing".to_owned());
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self { https, authority: authority.to_owned(), path: format!("{slash}{path}") })
    }
}

impl Display for ExplainTarget {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", if self.https { "https" } else { "http" }, self.authority, self.path)
    }
}

impl ExplainQuery {
    /// The protection of the connection.
    pub fn tls(&self) -> TlsState {
        match (self.target.https, self.tls) {
            (false, _) => TlsState::Cleartext,
            (true, version) => TlsState::Version(version.unwrap_or(TlsVersion::V1_3)),
        }
    }

    /// The decision and the answer, as a gateway with these settings gives them under `policy`.
    pub fn answer(&self, policy: &Policy, settings: &Settings) -> DecisionRecord {
        let gateway = &settings.file.gateway;
        self.answer_at(policy, settings, &ListenerInfo::new(gateway, gateway.https))
    }

    /// The same for a gateway with these listeners.
    pub(crate) fn answer_at(
        &self,
        policy: &Policy,
        settings: &Settings,
        listeners: &ListenerInfo,
    ) -> DecisionRecord {
        match self.decide(policy, settings, listeners) {
            Ok(record) => record,
            Err(reply) => local_reply_record(&reply, policy),
        }
    }

    fn decide(
        &self,
        policy: &Policy,
        settings: &Settings,
        listeners: &ListenerInfo,
    ) -> Result<DecisionRecord, LocalReply> {
        let mut received = self.head()?;
        let has_content = self.has_content();
        apply_connection_options(&mut received, self.peer, settings);
        let target = check_head(&received, has_content, settings)?;
        if ends_here(&received) {
            return Ok(no_content_record(policy));
        }
        let head = RequestHead {
            received: &received,
            target: &target,
            has_content,
            request_id: REQUEST_ID,
            now: self.at,
        };
        let seen =
            ConnectionInfo { peer: Some(self.peer), http: self.http, tls: Known::Is(self.tls()) };
        let context = Context::read(head, seen, Configured { settings, listeners });
        let decision = policy.explain(&context.facts, self.at);
        let mut record = DecisionRecord::of_decision(&decision, policy.revision());
        match refusal_for(&decision, &context.facts, &context.answer_context) {
            Some(answer) => record = record.with_answer(&answer),
            None if decision.verdict == Verdict::Admit => {}
            None => record.notice = notice_fields(&decision),
        }
        Ok(record)
    }

    /// The head as a codec would read it.
    fn head(&self) -> Result<ReceivedRequest<'static>, LocalReply> {
        let (mut head, ()) = Request::new(()).into_parts();
        head.method = Method::from_bytes(self.method.as_bytes())
            .map_err(|_| LocalReply::NotHttp("The method is not a token."))?;
        head.version = match self.http {
            HttpVersion::V0_9 => Version::HTTP_09,
            HttpVersion::V1_0 => Version::HTTP_10,
            HttpVersion::V1_1 => Version::HTTP_11,
            HttpVersion::V2 => Version::HTTP_2,
            HttpVersion::V3 => Version::HTTP_3,
        };
        for (name, value) in &self.fields {
            if name == ":protocol" {
                head.extensions.insert(hyper::ext::Protocol::from(value.as_str()));
                continue;
            }
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| LocalReply::NotHttp("The name of a field is not a token."))?;
            let value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| LocalReply::NotHttp("A field has a byte that no field may have."))?;
            head.headers.append(name, value);
        }
        self.put_target(&mut head)?;
        Ok(ReceivedRequest::from_parts(head))
    }

    /// RFC 9112 §3.2.1: over HTTP/1 the authority is in `Host`; RFC 9113 §8.3.1: over HTTP/2 and 3
    /// it is in `:authority`.
    fn put_target(&self, head: &mut request::Parts) -> Result<(), LocalReply> {
        let invalid = LocalReply::Target("The target is not a URL.");
        let ExplainTarget { authority, path, .. } = &self.target;
        if head.version >= Version::HTTP_2 {
            let uri = self.target.to_string().parse::<Uri>();
            head.uri = uri.map_err(|_| invalid)?;
            return Ok(());
        }
        head.uri = path.parse::<Uri>().map_err(|_| invalid)?;
        // A `Host` among the fields is the one that is sent; two of them are sent as well.
        if !head.headers.contains_key(http::header::HOST) {
            let host = HeaderValue::from_str(authority);
            let host = host.map_err(|_| LocalReply::Host("The Host field is not a valid host."))?;
            head.headers.insert(http::header::HOST, host);
        }
        Ok(())
    }

    /// The form of the query that the admin API takes.
    pub fn to_request(&self) -> ExplainRequest {
        ExplainRequest {
            method: self.method.clone(),
            target: self.target.to_string(),
            http: self.http.as_str().to_owned(),
            tls: self.tls.map(|version| version.as_str().to_owned()),
            peer: Some(self.peer.to_string()),
            fields: self.fields.clone(),
            at: Some(self.at.to_string()),
        }
    }

    /// Reads what the admin API was sent. Without an address and a time, the request comes from a
    /// public address at `now`.
    pub(crate) fn from_request(request: &ExplainRequest, now: Timestamp) -> Result<Self, String> {
        let peer = request.peer.as_deref().unwrap_or("192.0.2.1");
        let tls = match &request.tls {
            Some(text) => {
                let version = TlsVersion::parse(text);
                Some(version.ok_or_else(|| format!("`tls`: {text} is no version of TLS"))?)
            }
            None => None,
        };
        let at = match &request.at {
            Some(text) => text.parse().map_err(|_| format!("`at`: {text} is no time"))?,
            None => now,
        };
        let target = ExplainTarget::parse(&request.target);
        Ok(Self {
            method: request.method.clone(),
            target: target.map_err(|error| format!("`target`: {error}"))?,
            http: HttpVersion::parse(&request.http).ok_or("`http` is 1.0, 1.1, 2 or 3")?,
            tls,
            peer: peer.parse().map_err(|_| format!("`peer`: {peer} is no address"))?,
            fields: request.fields.clone(),
            at,
        })
    }

    /// Returns true if the request has content. A person who describes a POST writes its
    /// `Content-Type`, but no length.
    fn has_content(&self) -> bool {
        if self.field("transfer-encoding").is_some() {
            return true;
        }
        match self.field("content-length") {
            Some(length) => length != "0",
            None => {
                let posts = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH");
                posts && self.field("content-type").is_some()
            }
        }
    }

    fn field(&self, wanted: &str) -> Option<&str> {
        let line = self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        line.map(|(_, value)| value.as_str())
    }
}

/// The record of a malformed request, which is rejected before any rule is evaluated.
fn local_reply_record(reply: &LocalReply, policy: &Policy) -> DecisionRecord {
    let body = problem_json(reply.status(), &reply.client_detail(), REQUEST_ID);
    let fields = [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let answer = AnswerRecord {
        status: reply.status().as_u16(),
        fields: fields.into(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let reason = Some(reply.cause_label().into());
    DecisionRecord { reason, ..unevaluated_record(Verdict::Refuse, answer, policy) }
}

/// The record of a request that [ends here](ends_here).
fn no_content_record(policy: &Policy) -> DecisionRecord {
    let answer = AnswerRecord { status: 204, fields: Vec::new(), body: String::new() };
    unevaluated_record(Verdict::Admit, answer, policy)
}

/// The record of an answer that no rule was evaluated for.
fn unevaluated_record(verdict: Verdict, answer: AnswerRecord, policy: &Policy) -> DecisionRecord {
    DecisionRecord {
        verdict: verdict.as_str().into(),
        rule: None,
        kind: None,
        phase: None,
        reason: None,
        status: Some(answer.status),
        observed: Vec::new(),
        required: Vec::new(),
        also: Vec::new(),
        answer: Some(answer),
        notice: Vec::new(),
        rules: Vec::new(),
        revision: policy.revision().to_owned(),
    }
}

/// The fields that are added to an upstream's response that has none of them.
fn notice_fields(decision: &Decision<'_>) -> Vec<(String, String)> {
    let upstream: Vec<(&str, &str)> = Vec::new();
    let mut lines = Vec::new();
    for change in notice::changes(decision, &upstream) {
        let (FieldChange::Set(name, value) | FieldChange::Append(name, value)) = change;
        lines.push((name.to_owned(), value.into_owned()));
    }
    lines
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    fn query(target: &str, fields: &[(&str, &str)]) -> ExplainQuery {
        let owned = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ExplainQuery {
            method: "GET".into(),
            target: ExplainTarget::parse(target).unwrap(),
            http: HttpVersion::V1_1,
            tls: None,
            peer: "192.0.2.1".parse().unwrap(),
            fields: owned.collect(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn targets_are_read_as_typed() {
        let read = |text: &str| {
            ExplainTarget::parse(text).map(|target| (target.https, target.authority, target.path))
        };
        assert_eq!(read("http://h"), Ok((false, "h".into(), "/".into())));
        assert_eq!(read("https://h:1/a//b?c#d"), Ok((true, "h:1".into(), "/a//b?c".into())));
        assert_eq!(read("http://h?q"), Ok((false, "h".into(), "/?q".into())));
        for wrong in ["/path", "ftp://h/", "http:///a", "h"] {
            assert!(ExplainTarget::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_query_survives_the_admin_api() {
        let query = ExplainQuery {
            method: "POST".into(),
            http: HttpVersion::V2,
            tls: Some(TlsVersion::V1_2),
            peer: "10.0.0.1".parse().unwrap(),
            ..query("https://h:1/a?b", &[("X-A", "1")])
        };
        let sent = query.to_request();
        assert_eq!(ExplainQuery::from_request(&sent, Timestamp::MAX).unwrap(), query);
        let wrong = ExplainRequest { peer: Some("me".into()), ..sent };
        let error = ExplainQuery::from_request(&wrong, Timestamp::MAX);
        assert_eq!(error, Err("`peer`: me is no address".to_owned()));
    }

    /// Explanations were made by a reader of their own, which admitted what the gateway answers
    /// with 400.
    #[test]
    fn a_malformed_request_is_explained_as_it_is_answered() {
        let malformed: [(&str, &[(&str, &str)]); 6] = [
            ("http://h/", &[("Host", "a"), ("Host", "b")]),
            ("http://h/", &[("Host", "a b")]),
            ("http://h/", &[("Content-Length", "1, 2")]),
            ("http://h/", &[("bad name", "x")]),
            ("http://h/\u{1}", &[]),
            ("http://h:x/", &[]),
        ];
        for (target, fields) in malformed {
            let settings = Settings::default();
            let record = query(target, fields).answer(&Policy::default(), &settings);
            let found = (record.verdict.as_ref(), record.status);
            assert_eq!(found, ("refuse", Some(400)), "{target} {fields:?}");
        }
    }

    /// It was explained as refused or forwarded (RFC 9110 §7.6.2).
    #[test]
    fn an_options_that_may_not_be_forwarded_is_answered_here() {
        let fields = [("Max-Forwards", "0")];
        let options = ExplainQuery { method: "OPTIONS".into(), ..query("http://h/", &fields) };
        let record = options.answer(&Policy::default(), &Settings::default());
        assert_eq!((record.verdict.as_ref(), record.status), ("admit", Some(204)));
    }

    /// A field that `Connection` names was decided on in explanations, and is gone on the wire.
    #[test]
    fn a_field_that_connection_names_is_not_decided_on() {
        let text = r#"
[gateway]
http = "127.0.0.1:0"
upstream = "http://127.0.0.1:3000"

[[rule]]
id = "v2"
require = { api = { minimum = "2", read = ["header:X-Api-Version"] } }
on = { missing = "refuse" }
"#;
        let file = upshift_config::load(text, "f.toml").unwrap().file;
        let settings = Settings { file, ..Settings::default() };
        let named = [("X-Api-Version", "2"), ("Connection", "X-Api-Version")];
        for (fields, verdict) in [(&named[..1], "admit"), (&named[..], "refuse")] {
            let record = query("http://h/", fields).answer(&settings.file.policy, &settings);
            assert_eq!(record.verdict, verdict, "{fields:?}");
        }
    }
}
