//! One request that was never sent, decided as the gateway would.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use upshift_core::answer::{Circumstances, refuse};
use upshift_core::notice::{self, Change};
use upshift_core::{Facts, HttpVersion, Policy, Timestamp, TlsState, TlsVersion, Verdict};
use upshift_gateway::{Arrival, Seen, Settings};
use upshift_record::DecisionRecord;

/// A request as it was described.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) method: String,
    pub(super) target: Target,
    pub(super) http: HttpVersion,
    /// `None`: what the scheme says.
    pub(super) tls: Option<TlsVersion>,
    pub(super) peer: IpAddr,
    pub(super) fields: Vec<(String, String)>,
    pub(super) at: Timestamp,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) https: bool,
    pub(super) authority: String,
    /// Path and query, as typed.
    pub(super) path: String,
}

impl Target {
    /// Reads `http://host/path?query`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (https, rest) = match text.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some((scheme, _)) => return Err(format!("the scheme is http or https, not `{scheme}`")),
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

impl Question {
    /// How the connection is protected.
    pub(super) fn tls(&self) -> TlsState {
        match (self.target.https, self.tls) {
            (false, _) => TlsState::Cleartext,
            (true, version) => TlsState::Version(version.unwrap_or(TlsVersion::V1_3)),
        }
    }

    /// The decision and the answer, as a gateway with these settings gives them.
    pub(super) fn answer(&self, policy: &Policy, settings: &Settings) -> DecisionRecord {
        let seen = Seen { peer: self.peer, http: self.http, tls: self.tls() };
        let headers = self.headers();
        let arrival = Arrival::read(seen, &headers, &settings.proxies);
        let value = |wanted: &str| self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let value = |wanted: &str| value(wanted).map(|(_, value)| value.as_str());
        let (path, query) = Facts::split_target(&self.target.path);
        let facts = Facts {
            method: &self.method,
            host: Facts::host_of(value("host").unwrap_or(&self.target.authority)),
            path,
            query,
            hop: self.http,
            http: arrival.http,
            tls: arrival.tls,
            peer: Some(arrival.peer),
            fields: &self.fields,
            has_content: value("transfer-encoding").is_some()
                || value("content-length").is_some_and(|length| length != "0"),
            protocol: value(":protocol"),
        };
        let alt_svc =
            settings.https.filter(|_| settings.http3).map(|address| format!("h3=\":{}\"; ma=86400", address.port()));
        let clear = !self.target.https && self.http == HttpVersion::V1_1;
        let around = Circumstances {
            h2c: settings.h2c_upgrade && clear,
            tls_in_band: settings.in_band_tls && clear,
            proxied: arrival.proxy.is_some(),
            upgrade_field: arrival.proxy.is_some_and(|proxy| proxy.upgrade_field),
            public: settings.public.as_deref(),
            alt_svc: alt_svc.as_deref(),
            request_id: "explain",
            now: self.at,
        };
        let decision = policy.explain(&facts, self.at);
        let record = DecisionRecord::of(&decision, policy.revision());
        match refuse(&decision, &facts, &around) {
            Some(answer) => record.answered(&answer),
            None if decision.verdict == Verdict::Admit => record,
            None => DecisionRecord { notice: notice(&decision), ..record },
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.fields {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
                headers.append(name, value);
            }
        }
        headers
    }
}

/// What is added to an upstream's answer that says nothing itself.
fn notice(decision: &upshift_core::Decision<'_>) -> Vec<(String, String)> {
    let upstream: Vec<(&str, &str)> = Vec::new();
    let line = |change| match change {
        Change::Set(name, value) | Change::Append(name, value) => (name.to_owned(), value),
    };
    notice::changes(decision, &upstream).into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_typed() {
        let read = |text: &str| Target::parse(text).map(|target| (target.https, target.authority, target.path));
        assert_eq!(read("http://h"), Ok((false, "h".into(), "/".into())));
        assert_eq!(read("https://h:1/a//b?c#d"), Ok((true, "h:1".into(), "/a//b?c".into())));
        assert_eq!(read("http://h?q"), Ok((false, "h".into(), "/?q".into())));
        for wrong in ["/path", "ftp://h/", "http:///a", "h"] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }
}
