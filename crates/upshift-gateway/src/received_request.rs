//! A request as it was received, of any version of HTTP, without its content.

use http::{Extensions, Method, Request, Uri, Version, request};

use crate::fields::request_fields::RequestFields;

/// A request as it was received, without its content.
pub(crate) struct ReceivedRequest<'r> {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    /// The additions of the codecs for HTTP/2 and HTTP/3, such as `:protocol`.
    pub(crate) extensions: Extensions,
    pub(crate) fields: RequestFields<'r>,
}

impl ReceivedRequest<'_> {
    /// The request with these parts.
    pub(crate) fn from_parts(parts: request::Parts) -> Self {
        let request::Parts { method, uri, version, headers, extensions, .. } = parts;
        Self { method, uri, version, extensions, fields: RequestFields::of_map(headers) }
    }

    /// A copy of the request in the form of the `http` crate.
    pub(crate) fn to_parts(&self) -> request::Parts {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = self.method.clone();
        parts.uri = self.uri.clone();
        parts.version = self.version;
        parts.extensions = self.extensions.clone();
        parts.headers = self.fields.to_map(0);
        parts
    }
}
