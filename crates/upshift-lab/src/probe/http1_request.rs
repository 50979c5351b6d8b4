//! Requests of HTTP/1, as they go over the wire.

use upshift_record::{RecordedBody, RecordedField, RecordedRequest};

use super::settings::ProbeSettings;
use super::target::Target;
use crate::secret_names::may_be_secret;

/// The value of `User-Agent`.
pub(super) const USER_AGENT: &str = concat!("upshift-probe/", env!("CARGO_PKG_VERSION"));

/// A request of HTTP/1. It is written as it is given, because some questions are malformed on
/// purpose.
#[derive(Clone, Debug)]
pub(super) struct Http1Request {
    /// The method.
    pub(super) method: String,
    /// The request target.
    pub(super) target: String,
    /// The version, as `1.1`.
    pub(super) version: &'static str,
    /// The fields, in order.
    pub(super) fields: Vec<(String, String)>,
    /// The content; empty: none.
    pub(super) content: Vec<u8>,
    /// The most octets of the response's content that are read.
    pub(super) content_limit: usize,
}

impl Http1Request {
    /// A request with the fields that every request has.
    pub(super) fn new(settings: &ProbeSettings, to: &Target, version: &'static str) -> Self {
        // HTTP/1.0 has no `Host`, but a server with several names needs it.
        let mut fields = vec![("Host".to_owned(), to.authority())];
        for (name, value) in general_fields(settings, to) {
            if name.eq_ignore_ascii_case("host") {
                fields[0].1 = value;
            } else {
                fields.push((name, value));
            }
        }
        let (method, target) = (settings.method.clone(), to.path.clone());
        let content = settings.content.clone();
        Self { method, target, version, fields, content, content_limit: settings.content_limit }
    }

    /// Adds an offer to switch, with further options of `Connection`.
    ///
    /// RFC 9110 §7.8: "A sender of Upgrade MUST also send an "Upgrade" connection option in the
    /// Connection header field".
    pub(super) fn offer(mut self, protocols: &str, options: &str) -> Self {
        self.fields.push(("Connection".to_owned(), options.to_owned()));
        self.fields.push(("Upgrade".to_owned(), protocols.to_owned()));
        self
    }

    /// Adds a field.
    pub(super) fn field(mut self, name: &str, value: impl Into<String>) -> Self {
        self.fields.push((name.to_owned(), value.into()));
        self
    }

    /// The value of a field.
    pub(super) fn value_of(&self, wanted: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.as_str())
    }

    /// The request as it goes over the wire.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Self { method, target, version, fields, content, .. } = self;
        let mut text = format!("{method} {target} HTTP/{version}\r\n");
        for (name, value) in fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        [text.as_bytes(), content].concat()
    }

    /// The record of the request.
    pub(super) fn to_record(&self) -> RecordedRequest {
        RecordedRequest {
            method: self.method.as_str().into(),
            target: self.target.as_str().into(),
            version: self.version.to_owned(),
            fields: recorded_fields(&self.fields),
            body: recorded_content(&self.content),
            trailers: Vec::new(),
        }
    }
}

/// The fields of a request over any version of HTTP: those of the user take the place of ours.
///
/// A field that may be a secret goes only to the endpoint that the user named: the URL, and over TLS
/// the port of `--tls-port`. Another host gets none of the user's fields.
pub(super) fn general_fields(settings: &ProbeSettings, to: &Target) -> Vec<(String, String)> {
    let own_fields: &[(String, String)] =
        if to.host == settings.target.host { &settings.fields } else { &[] };
    let mut fields = Vec::new();
    for (name, value) in [("User-Agent", USER_AGENT), ("Accept", "*/*")] {
        if !own_fields.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
            fields.push((name.to_owned(), value.to_owned()));
        }
    }
    for (name, value) in own_fields {
        if is_named_endpoint(settings, to) || !may_be_secret(name) {
            fields.push((name.clone(), value.clone()));
        }
    }
    if let Some(length) = declared_length(settings) {
        fields.push(("Content-Length".to_owned(), length.to_string()));
    }
    fields
}

/// The value of `Content-Length`, of a request that has one.
///
/// RFC 9110 §8.6: "A user agent SHOULD send Content-Length in a request when the method defines a
/// meaning for enclosed content", even if there is none.
fn declared_length(settings: &ProbeSettings) -> Option<usize> {
    let length = settings.content.len();
    let has_meaning = matches!(settings.method.as_str(), "POST" | "PUT" | "PATCH");
    if length > 0 || has_meaning { Some(length) } else { None }
}

fn is_named_endpoint(settings: &ProbeSettings, to: &Target) -> bool {
    let url = &settings.target;
    let is_url = (to.is_tls, to.port) == (url.is_tls, url.port);
    is_url || (to.is_tls && Some(to.port) == settings.tls_port)
}

/// The record of the content of a request.
pub(super) fn recorded_content(content: &[u8]) -> Option<RecordedBody> {
    if content.is_empty() {
        return None;
    }
    Some(RecordedBody { octets: content.to_vec(), cut_from: None })
}

/// The record of fields.
pub(super) fn recorded_fields(fields: &[(String, String)]) -> Vec<RecordedField> {
    let mut recorded = Vec::new();
    for (name, value) in fields {
        recorded.push(RecordedField(name.as_str().into(), value.as_str().into()));
    }
    recorded
}
