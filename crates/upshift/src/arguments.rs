//! The values of flags.

use upshift_core::{HttpVersion, Timestamp, TlsVersion};

/// Parses a date, or a date and time with offset.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    match upshift_config::parse_moment(text) {
        Some(time) => Ok(time),
        None => Err("expected a date (2026-12-01) or a date and time with offset \
                     (2026-12-01T09:00:00Z)"
            .to_owned()),
    }
}

/// Parses a version of HTTP.
pub(crate) fn parse_http_version(text: &str) -> Result<HttpVersion, String> {
    HttpVersion::parse(text).ok_or_else(|| "expected 1.0, 1.1, 2 or 3".to_owned())
}

/// Parses a version of TLS.
pub(crate) fn parse_tls_version(text: &str) -> Result<TlsVersion, String> {
    TlsVersion::parse(text).ok_or_else(|| "expected 1.0, 1.1, 1.2 or 1.3".to_owned())
}

/// Parses a field line: `Name: value`.
pub(crate) fn parse_field_line(text: &str) -> Result<(String, String), String> {
    // The name of a pseudo-field begins with a colon (RFC 9113 §8.3).
    let start = usize::from(text.starts_with(':'));
    let (name, value) = text[start..].split_once(':').ok_or("expected 'Name: value'")?;
    // A space before the colon makes it no token. RFC 9112 §5.1 has servers reject such a field.
    if !upshift_core::field::is_token(name) {
        return Err(format!("`{name}` is not a field name"));
    }
    if ::http::HeaderValue::from_str(value.trim()).is_err() {
        return Err("a field value must not contain control characters".to_owned());
    }
    // RFC 9110 §5.5: whitespace around the value is not part of it.
    Ok((format!("{}{name}", &text[..start]), value.trim().to_owned()))
}
