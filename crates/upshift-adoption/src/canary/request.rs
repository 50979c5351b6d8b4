//! The facts of a past request.

use std::net::IpAddr;
use std::sync::Arc;

use upshift_core::{Facts, Fields, HttpVersion, Known, Policy, TlsState};

/// Fields that are kept even if the policy does not read them, because other policies often do.
const USUAL_FIELDS: [&str; 12] = [
    "user-agent",
    "accept",
    "content-type",
    "origin",
    "access-control-request-method",
    "sec-fetch-mode",
    "upgrade",
    "connection",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "x-api-version",
    "api-version",
];

/// The longest value that is kept, in bytes, and the most lines of a request.
const MAX_VALUE: usize = 1024;
const MAX_LINES: usize = 64;

/// The names of the fields that are kept, in lower case.
#[derive(Clone, Debug)]
pub struct RecordedFields(Arc<[Box<str>]>);

impl RecordedFields {
    /// The fields that `policy` reads, and the usual ones.
    pub fn of_policy(policy: &Policy) -> Self {
        let mut names: Vec<Box<str>> = policy.fields().into_iter().map(Into::into).collect();
        for usual in USUAL_FIELDS {
            if !names.iter().any(|name| **name == *usual) {
                names.push(usual.into());
            }
        }
        Self(names.into())
    }

    /// The fields that `policy` reads and that are not kept.
    pub fn unrecorded_fields(&self, policy: &Policy) -> Vec<String> {
        let mut missing = Vec::new();
        for field in policy.fields() {
            if !self.0.iter().any(|name| **name == *field) {
                missing.push(field.to_owned());
            }
        }
        missing
    }
}

/// The facts of a past request.
#[derive(Clone, Debug)]
pub struct RecentRequest {
    method: Box<str>,
    host: Box<str>,
    path: Box<str>,
    query: Option<Box<str>>,
    hop: HttpVersion,
    http: Known<HttpVersion>,
    tls: Known<TlsState>,
    client_ip: Option<IpAddr>,
    fields: RecordedLines,
    has_content: bool,
    protocol: Option<Box<str>>,
}

/// The field lines that were kept.
#[derive(Clone, Debug)]
struct RecordedLines(Box<[RecordedLine]>);

/// A name in lower case, and a value.
type RecordedLine = (Box<str>, Box<[u8]>);

impl Fields for RecordedLines {
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
        let mut lines = self.0.iter().filter(|(line, _)| **line == *name);
        let (_, value) = lines.nth(index)?;
        Some(value)
    }
}

impl RecentRequest {
    /// Copies the facts, with the fields in `recorded`. `None` if the request is too large to keep.
    pub fn copy_facts(facts: &Facts<'_>, recorded: &RecordedFields) -> Option<Self> {
        if facts.path.len() + facts.query.map_or(0, str::len) > MAX_VALUE {
            return None;
        }
        let mut lines = Vec::new();
        for name in &*recorded.0 {
            for value in facts.fields.all(name) {
                if value.len() > MAX_VALUE || lines.len() >= MAX_LINES {
                    return None;
                }
                lines.push((name.clone(), value.into()));
            }
        }
        Some(Self {
            method: facts.method.into(),
            host: facts.host.into(),
            path: facts.path.into(),
            query: facts.query.map(Into::into),
            hop: facts.hop,
            http: facts.http,
            tls: facts.tls,
            client_ip: facts.client_ip,
            fields: RecordedLines(lines.into()),
            has_content: facts.has_content,
            protocol: facts.protocol.map(Into::into),
        })
    }

    /// The address of the client.
    pub(super) fn address(&self) -> Option<IpAddr> {
        // An IPv4-mapped address is the same client as the IPv4 address.
        self.client_ip.map(|address| address.to_canonical())
    }

    /// The facts, to be decided again.
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            method: &self.method,
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            hop: self.hop,
            http: self.http,
            tls: self.tls,
            client_ip: self.client_ip,
            fields: &self.fields,
            has_content: self.has_content,
            protocol: self.protocol.as_deref(),
        }
    }
}
