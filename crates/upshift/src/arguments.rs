//! What people type behind a flag.

use upshift_core::{HttpVersion, Timestamp, TlsVersion};

/// Reads a time as people type it.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    upshift_config::parse_moment(text).ok_or_else(|| {
        "expected a date (2026-12-01) or a date and time with offset (2026-12-01T09:00:00Z)"
            .to_owned()
    })
}

/// Reads a version of HTTP.
pub(crate) fn parse_http_version(text: &str) -> Result<HttpVersion, String> {
    HttpVersion::parse(text).ok_or_else(|| "expected 1.0, 1.1, 2 or 3".to_owned())
}

/// Reads a version of TLS.
pub(crate) fn parse_tls_version(text: &str) -> Result<TlsVersion, String> {
    TlsVersion::parse(text).ok_or_else(|| "expected 1.0, 1.1, 1.2 or 1.3".to_owned())
}

/// Reads a field line.
pub(crate) fn parse_field_line(text: &str) -> Result<(String, String), String> {
    // The name of a pseudo-field begins with a colon (RFC 9113 §8.3).
    let start = usize::from(text.starts_with(':'));
    let (name, value) = text[start..].split_once(':').ok_or("expected 'Name: value'")?;
    if !upshift_core::field::is_token(name) {
        return Err(format!("`{name}` is not the name of a field"));
    }
    if ::http::HeaderValue::from_str(value.trim()).is_err() {
        return Err("a value has no control characters".to_owned());
    }
    Ok((format!("{}{name}", &text[..start]), value.trim().to_owned()))
}
