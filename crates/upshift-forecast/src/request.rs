//! From a line to the facts that a policy decides on.

use std::borrow::Cow;
use std::net::IpAddr;

use upshift_core::client_info::{ClientInfo, ConnectionInfo};
use upshift_core::policy::Requirement;
use upshift_core::proxy::{Proxy, UndeclaredProxy};
use upshift_core::{Facts, Fields, HttpVersion, Known, Policy, TlsState};

use crate::address::parse_address;
use crate::coverage::Recorded;
use crate::line::{FieldIndex, LogLine, Logged, NamedFields, Text, WantedFields};

/// The facts of a log whose lines do not record them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// The host.
    pub host: Option<String>,
    /// The version of HTTP.
    pub http: Option<HttpVersion>,
    /// The protection of the connection.
    pub tls: Option<TlsState>,
}

/// The reader of lines as requests.
#[derive(Clone, Debug)]
pub struct RequestReader {
    /// The fields that are looked at.
    pub(crate) wanted: WantedFields,
    /// The places of two of them.
    pub(crate) user_agent: Option<FieldIndex>,
    forwarded_proto: Option<FieldIndex>,
    /// The facts that hold for all lines.
    assumptions: Assumptions,
    /// The declared proxies in front of the server that wrote the log.
    proxies: Vec<Proxy>,
    /// The treatment of an undeclared private peer that sends `X-Forwarded-Proto`.
    undeclared: UndeclaredProxy,
    /// The protocols that the policy can ask for, as a value of `Upgrade`: a status of 101 shows
    /// that one of them was offered.
    switches: String,
    /// The revision of the policy.
    revision: Box<str>,
}

/// The client of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineClient {
    pub(crate) address: Option<IpAddr>,
    pub(crate) hop: HttpVersion,
    pub(crate) http: Known<HttpVersion>,
    pub(crate) tls: Known<TlsState>,
    pub(crate) recorded: Recorded,
}

/// The texts of a request, which the facts borrow.
#[derive(Debug)]
pub(crate) struct RequestTexts<'r> {
    method: Cow<'r, str>,
    target: Cow<'r, str>,
    host: Cow<'r, str>,
    query: Option<Cow<'r, str>>,
    protocol: Option<Cow<'r, str>>,
    fields: RequestFields<'r>,
}

/// The fields of a request: those of the line, and those that the status 101 shows.
#[derive(Debug)]
struct RequestFields<'r> {
    named: NamedFields<'r, 'r>,
    /// The value of `Upgrade` where only the status shows that there was one.
    switch: Option<&'r str>,
    /// True if `Connection` is not recorded: an `Upgrade` has its option there.
    implies_connection: bool,
}

impl RequestReader {
    /// A reader of the facts that this policy can depend on.
    pub fn new(
        policy: &Policy,
        assumptions: Assumptions,
        proxies: Vec<Proxy>,
        undeclared: UndeclaredProxy,
    ) -> Self {
        let mut names: Vec<&str> = policy.fields().into_iter().collect();
        for proxy in &proxies {
            names.extend(proxy.reads.names());
        }
        // The one for the list of agents, the other for proxies that are not declared.
        names.extend(["user-agent", "x-forwarded-proto"]);
        let wanted = WantedFields::new(names);
        let user_agent = wanted.index_of("user-agent");
        let forwarded_proto = wanted.index_of("x-forwarded-proto");
        Self {
            wanted,
            user_agent,
            forwarded_proto,
            assumptions,
            proxies,
            undeclared,
            switches: switches_of(policy),
            revision: policy.revision().into(),
        }
    }

    /// The client of a line: the other end of its connection, corrected by declared proxies.
    pub(crate) fn read_client(&self, line: &LogLine<'_>) -> LineClient {
        let peer = line.peer.value().and_then(|text| parse_address(text));
        let http = self.http_of(line);
        let tls = self.tls_of(line);
        let recorded = Recorded {
            fields: line.recorded,
            host: line.host != Logged::NotRecorded
                || self.assumptions.host.is_some()
                || is_absolute(&line.target),
            // A name in place of the address does not tell it.
            peer: peer.is_some() || (line.is_resolved && line.peer == Logged::Absent),
            // The gateway records the part of the query that its policy reads. Where this policy
            // decided, a record without it is that of a request without it.
            query: line.query != Logged::NotRecorded || line.decision.is_of(&self.revision),
            http: http != Logged::NotRecorded,
            // A scheme without a version leaves open whether it is new enough.
            tls: tls != Logged::NotRecorded
                && (line.is_resolved || tls != Logged::Recorded(TlsState::SomeVersion)),
            switch: line.status == Some(101),
        };
        let seen = LineClient {
            address: peer.map(|address| address.to_canonical()),
            hop: http.value().copied().unwrap_or(HttpVersion::V1_1),
            http: known(&http),
            tls: known(&tls),
            recorded,
        };
        if line.is_resolved || self.reads_peer_only(line) {
            return seen;
        }
        self.behind_proxies(seen, line)
    }

    fn behind_proxies(&self, seen: LineClient, line: &LogLine<'_>) -> LineClient {
        let fields = NamedFields { wanted: &self.wanted, values: &line.fields };
        let connection = ConnectionInfo { peer: seen.address, http: seen.hop, tls: seen.tls };
        let client = ClientInfo::resolve(connection, &fields, &self.proxies, self.undeclared);
        let mut recorded = seen.recorded;
        if let Some(proxy) = client.proxy {
            let reads = &proxy.reads;
            recorded.http = self.are_recorded(line, &[&reads.http]);
            recorded.tls = self.are_recorded(line, &[&reads.tls, &reads.scheme]);
            recorded.peer = self.are_recorded(line, &[&reads.peer]);
        } else if client.undeclared {
            // The gateway does not know these facts either.
            recorded.http = true;
            recorded.tls = true;
            recorded.peer = true;
        } else {
            return seen;
        }
        // The address of a proxy is not that of its client.
        let address = if recorded.peer { client.client_ip } else { None };
        LineClient {
            address: address.map(|address| address.to_canonical()),
            hop: seen.hop,
            http: client.http,
            tls: client.tls,
            recorded,
        }
    }

    /// Returns true if the line would show these fields of a proxy. One that the proxy does not
    /// send is unknown to the gateway as well.
    fn are_recorded(&self, line: &LogLine<'_>, names: &[&Option<String>]) -> bool {
        for name in names.iter().copied().flatten() {
            match self.wanted.index_of(name) {
                Some(index) if line.recorded.contains(index) => {}
                _ => return false,
            }
        }
        true
    }

    /// Returns true if the client of a line follows from the peer alone.
    pub(crate) fn reads_peer_only(&self, line: &LogLine<'_>) -> bool {
        self.proxies.is_empty() && !self.has_forwarded_proto(line)
    }

    fn has_forwarded_proto(&self, line: &LogLine<'_>) -> bool {
        field_value(line, self.forwarded_proto).is_some()
    }

    fn http_of(&self, line: &LogLine<'_>) -> Logged<HttpVersion> {
        match (&line.http, self.assumptions.http) {
            (Logged::NotRecorded, Some(assumed)) => Logged::Recorded(assumed),
            (logged, _) => logged.clone(),
        }
    }

    fn tls_of(&self, line: &LogLine<'_>) -> Logged<TlsState> {
        match (&line.tls, self.assumptions.tls) {
            (Logged::NotRecorded, Some(assumed)) => Logged::Recorded(assumed),
            (logged, _) => logged.clone(),
        }
    }

    /// The texts of the request.
    pub(crate) fn read_texts<'r>(&'r self, line: &'r LogLine<'r>) -> RequestTexts<'r> {
        let target = String::from_utf8_lossy(&line.target);
        let host = match (authority_of(&line.target), &line.host, &self.assumptions.host) {
            // RFC 9112 §3.2.2: the host of an absolute form counts, and not the field.
            (Some(authority), _, _) => String::from_utf8_lossy(authority),
            (None, Logged::Recorded(host), _) => String::from_utf8_lossy(host),
            (None, Logged::NotRecorded, Some(host)) => Cow::Borrowed(host.as_str()),
            (None, _, _) => Cow::Borrowed(""),
        };
        let shows_switch = line.status == Some(101) && self.is_hidden(line, "upgrade");
        RequestTexts {
            method: String::from_utf8_lossy(&line.method),
            target,
            host,
            query: line.query.value().map(|query| String::from_utf8_lossy(query)),
            protocol: line.protocol.as_ref().map(|protocol| String::from_utf8_lossy(protocol)),
            fields: RequestFields {
                named: NamedFields { wanted: &self.wanted, values: &line.fields },
                switch: if shows_switch { Some(self.switches.as_str()) } else { None },
                implies_connection: self.is_hidden(line, "connection"),
            },
        }
    }

    /// Returns true if the policy reads the field and the line does not record it.
    fn is_hidden(&self, line: &LogLine<'_>, name: &str) -> bool {
        match self.wanted.index_of(name) {
            Some(field) => !line.recorded.contains(field),
            None => false,
        }
    }
}

impl RequestTexts<'_> {
    /// The facts of the request.
    pub(crate) fn facts(&self, client: &LineClient) -> Facts<'_> {
        let (path, query) = Facts::split_target(&self.target);
        let fields: &dyn Fields = &self.fields;
        Facts {
            method: &self.method,
            host: Facts::host_of(&self.host),
            path,
            query: query.or(self.query.as_deref()),
            hop: client.hop,
            http: client.http,
            tls: client.tls,
            client_ip: client.address,
            fields,
            // A log does not say. Only its description counts, and not on methods without content.
            has_content: fields.has("content-type")
                && !matches!(&*self.method, "GET" | "HEAD" | "OPTIONS"),
            protocol: self.protocol.as_deref(),
        }
    }
}

impl Fields for RequestFields<'_> {
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
        if name == "connection" && self.implies_connection {
            let has_offer = self.switch.is_some() || self.named.nth("upgrade", 0).is_some();
            return if index == 0 && has_offer { Some(b"upgrade") } else { None };
        }
        let Some(switch) = self.switch else { return self.named.nth(name, index) };
        match (name, index) {
            ("upgrade", 0) => Some(switch.as_bytes()),
            // RFC 6455 §4.1; a server does not switch for another one.
            ("sec-websocket-version", 0) => Some(b"13"),
            _ => self.named.nth(name, index),
        }
    }
}

/// The protocols that a policy can ask for, as a value of `Upgrade`.
fn switches_of(policy: &Policy) -> String {
    let mut protocols = vec!["websocket".to_owned()];
    for rule in policy.rules() {
        for requirement in &rule.require {
            if let Requirement::Protocol(protocol) = requirement {
                protocols.push(protocol.to_string());
            }
        }
    }
    protocols.join(", ")
}

fn known<T: Copy>(logged: &Logged<T>) -> Known<T> {
    match logged.value() {
        Some(value) => Known::Is(*value),
        None => Known::Unknown,
    }
}

fn is_absolute(target: &[u8]) -> bool {
    authority_of(target).is_some()
}

/// The authority of a target in absolute form.
fn authority_of(target: &[u8]) -> Option<&[u8]> {
    let rest = target.strip_prefix(b"http://").or_else(|| target.strip_prefix(b"https://"))?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    Some(&rest[..end.unwrap_or(rest.len())])
}

/// The value of a field of a line.
pub(crate) fn field_value<'a>(
    line: &'a LogLine<'_>,
    field: Option<FieldIndex>,
) -> Option<&'a [u8]> {
    let field = field?;
    let found: Option<&(FieldIndex, Text<'_>)> =
        line.fields.iter().find(|(known, _)| *known == field);
    Some(&found?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_of_an_absolute_form_is_found() {
        assert_eq!(authority_of(b"http://b.example:80/abs"), Some(&b"b.example:80"[..]));
        assert_eq!(authority_of(b"https://b.example?x"), Some(&b"b.example"[..]));
        assert_eq!(authority_of(b"/to=http://x/"), None);
    }
}
