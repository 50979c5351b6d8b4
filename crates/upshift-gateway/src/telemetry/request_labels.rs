//! The properties of a request that metrics have as labels or attributes. All of them are from
//! fixed lists.

use http::Method;
use upshift_core::{HttpVersion, TlsState};

/// The properties of a request that are known with its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RequestLabels {
    /// The method, or `_OTHER` for one that is not registered.
    pub(crate) method: &'static str,
    /// `http` or `https`, by the client's connection.
    pub(crate) scheme: &'static str,
    /// The version of HTTP on the client's connection.
    pub(crate) http: &'static str,
}

/// The methods that attributes name: those of RFC 9110 and RFC 5789.
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// The name of every other method, as the conventions of OpenTelemetry have it.
const OTHER: &str = "_OTHER";

impl RequestLabels {
    /// The labels of a request; `method` is `None` if it could not be read.
    pub(crate) fn new(method: Option<&Method>, tls: TlsState, http: HttpVersion) -> Self {
        Self {
            method: method.map_or(OTHER, method_label),
            scheme: if tls == TlsState::Cleartext { "http" } else { "https" },
            http: http.as_str(),
        }
    }
}

/// The method, or `_OTHER`.
pub(crate) fn method_label(method: &Method) -> &'static str {
    for known in METHODS {
        if method.as_str() == known {
            return known;
        }
    }
    OTHER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_make_a_label() {
        let odd = Method::from_bytes(b"get").ok();
        let labels = RequestLabels::new(odd.as_ref(), TlsState::Cleartext, HttpVersion::V1_1);
        assert_eq!(labels, RequestLabels { method: "_OTHER", scheme: "http", http: "1.1" });
        assert_eq!(method_label(&Method::PATCH), "PATCH");
    }
}
