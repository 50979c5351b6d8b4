//! One request that was never sent, decided as the gateway would: what `explain` asks.

use std::net::IpAddr;

use upshift_config::PathMode;
use upshift_core::answer::{AnswerContext, refusal_for};
use upshift_core::client_info::{ClientInfo, ConnectionInfo};
use upshift_core::notice::{self, FieldChange};
use upshift_core::policy::canonical;
use upshift_core::{
    Decision, Facts, HttpVersion, Known, Policy, Timestamp, TlsState, TlsVersion, Verdict,
};
use upshift_http::http3_alt_svc;
use upshift_record::DecisionRecord;
use upshift_record::control::ExplainRequest;

use crate::settings::Settings;

/// A request as it was described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The method.
    pub method: String,
    /// What is asked for.
    pub target: Asked,
    /// The version of HTTP.
    pub http: HttpVersion,
    /// The version of TLS; `None`: what the scheme says.
    pub tls: Option<TlsVersion>,
    /// Where the connection comes from.
    pub peer: IpAddr,
    /// The field lines; `:protocol` is that of an extended CONNECT.
    pub fields: Vec<(String, String)>,
    /// When.
    pub at: Timestamp,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Over TLS.
    pub https: bool,
    /// Host and port.
    pub authority: String,
    /// Path and query, as typed.
    pub path: String,
}

impl Asked {
    /// Reads `http://host/path?query`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
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

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", if self.https { "https" } else { "http" }, self.authority, self.path)
    }
}

impl Question {
    /// How the connection is protected.
    pub fn tls(&self) -> TlsState {
        match (self.target.https, self.tls) {
            (false, _) => TlsState::Cleartext,
            (true, version) => TlsState::Version(version.unwrap_or(TlsVersion::V1_3)),
        }
    }

    /// The decision and the answer, as a gateway with these settings gives them under `policy`.
    pub fn answer(&self, policy: &Policy, settings: &Settings) -> DecisionRecord {
        let gateway = &settings.file.gateway;
        let seen =
            ConnectionInfo { peer: Some(self.peer), http: self.http, tls: Known::Is(self.tls()) };
        let client_info =
            ClientInfo::resolve(seen, &self.fields, &gateway.proxies, gateway.undeclared_proxy);
        let value =
            |wanted: &str| self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let value = |wanted: &str| value(wanted).map(|(_, value)| value.as_str());
        let (path, query) = Facts::split_target(&self.target.path);
        let path = match gateway.paths {
            PathMode::Canonical => canonical(path),
            PathMode::AsSent | PathMode::Strict => path.into(),
        };
        let facts = Facts {
            method: &self.method,
            host: Facts::host_of(value("host").unwrap_or(&self.target.authority)),
            path: &path,
            query,
            hop: self.http,
            http: client_info.http,
            tls: client_info.tls,
            client_ip: client_info.client_ip,
            fields: &self.fields,
            has_content: self.has_content(),
            protocol: value(":protocol"),
        };
        let alt_svc =
            gateway.https.filter(|_| gateway.http3).map(|address| http3_alt_svc(address.port()));
        let clear = !self.target.https && self.http == HttpVersion::V1_1;
        let around = AnswerContext {
            h2c: gateway.h2c_upgrade && clear,
            tls_in_band: gateway.in_band_tls && clear,
            proxied: client_info.proxy.is_some(),
            upgrade_field: client_info.proxy.is_some_and(|proxy| proxy.upgrade_field),
            public_url: gateway.public.as_deref(),
            https_listener: gateway.https,
            alt_svc: alt_svc.as_deref(),
            request_id: "explain",
            now: self.at,
        };
        let decision = policy.explain(&facts, self.at);
        let record = DecisionRecord::of(&decision, policy.revision());
        match refusal_for(&decision, &facts, &around) {
            Some(answer) => record.answered(&answer),
            None if decision.verdict == Verdict::Admit => record,
            None => DecisionRecord { notice: notice(&decision), ..record },
        }
    }

    /// As the admin API takes it.
    pub fn request(&self) -> ExplainRequest {
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

    /// From what the admin API was sent; what is left out is a request from a public address, at
    /// `now`.
    pub(crate) fn of(request: &ExplainRequest, now: Timestamp) -> Result<Self, String> {
        let time = |text: &String| text.parse().map_err(|_| format!("`at`: {text} is no time"));
        let tls = |text: &String| {
            TlsVersion::parse(text).ok_or(format!("`tls`: {text} is no version of TLS"))
        };
        let peer = request.peer.as_deref().unwrap_or("192.0.2.1");
        Ok(Self {
            method: request.method.clone(),
            target: Asked::parse(&request.target).map_err(|error| format!("`target`: {error}"))?,
            http: HttpVersion::parse(&request.http).ok_or("`http` is 1.0, 1.1, 2 or 3")?,
            tls: request.tls.as_ref().map(tls).transpose()?,
            peer: peer.parse().map_err(|_| format!("`peer`: {peer} is no address"))?,
            fields: request.fields.clone(),
            at: request.at.as_ref().map_or(Ok(now), time)?,
        })
    }

    /// Whether the request has content. A person who asks about a POST writes its `Content-Type`,
    /// but no length.
    fn has_content(&self) -> bool {
        let value =
            |wanted: &str| self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        match value("content-length") {
            _ if value("transfer-encoding").is_some() => true,
            Some((_, length)) => length != "0",
            None => {
                value("content-type").is_some()
                    && matches!(self.method.as_str(), "POST" | "PUT" | "PATCH")
            }
        }
    }
}

/// What is added to an upstream's answer that says nothing itself.
fn notice(decision: &Decision<'_>) -> Vec<(String, String)> {
    let upstream: Vec<(&str, &str)> = Vec::new();
    let line = |change| match change {
        FieldChange::Set(name, value) | FieldChange::Append(name, value) => {
            (name.to_owned(), value.into_owned())
        }
    };
    notice::changes(decision, &upstream).into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    #[test]
    fn targets_are_read_as_typed() {
        let read =
            |text: &str| Asked::parse(text).map(|asked| (asked.https, asked.authority, asked.path));
        assert_eq!(read("http://h"), Ok((false, "h".into(), "/".into())));
        assert_eq!(read("https://h:1/a//b?c#d"), Ok((true, "h:1".into(), "/a//b?c".into())));
        assert_eq!(read("http://h?q"), Ok((false, "h".into(), "/?q".into())));
        for wrong in ["/path", "ftp://h/", "http:///a", "h"] {
            assert!(Asked::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_question_survives_the_admin_api() {
        let question = Question {
            method: "POST".into(),
            target: Asked::parse("https://h:1/a?b").unwrap(),
            http: HttpVersion::V2,
            tls: Some(TlsVersion::V1_2),
            peer: "10.0.0.1".parse().unwrap(),
            fields: vec![("X-A".into(), "1".into())],
            at: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(Question::of(&question.request(), Timestamp::MAX).unwrap(), question);
        let wrong = ExplainRequest { peer: Some("me".into()), ..question.request() };
        assert_eq!(
            Question::of(&wrong, Timestamp::MAX),
            Err("`peer`: me is no address".to_owned())
        );
    }
}
