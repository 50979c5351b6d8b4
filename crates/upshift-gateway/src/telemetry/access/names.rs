//! The names of values that all forms of the access record and the live feed share.

use upshift_core::{HttpVersion, Known, TlsState};

/// The name of a version of HTTP.
pub(crate) fn http_name(http: Known<HttpVersion>) -> &'static str {
    match http {
        Known::Is(version) => version.as_str(),
        Known::Unknown => "unknown",
    }
}

/// The name of the protection of a connection.
pub(crate) fn tls_name(tls: Known<TlsState>) -> &'static str {
    match tls {
        Known::Is(TlsState::Cleartext) => "none",
        Known::Is(TlsState::Version(version)) => version.as_str(),
        Known::Is(TlsState::SomeVersion) => "some",
        Known::Unknown => "unknown",
    }
}
