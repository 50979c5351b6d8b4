//! Field lines, and the fields that frame the message.

use memchr::memchr;

use crate::field_id::{FieldId, FieldSet};
use crate::field_table::Field;
use crate::framing::Framing;
use crate::head::ConnectionOptions;
use crate::octets::{has_value_bytes, is_token};
use crate::send_error::SendError;

/// The properties of the written fields that the connection depends on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeadFields {
    pub(crate) present: FieldSet,
    pub(crate) connection: ConnectionOptions,
    /// A line that was left out asked to close the connection.
    pub(crate) asks_to_close: bool,
    /// The number of `Host` lines, up to 2, and whether each is valid.
    pub(crate) hosts: u8,
    pub(crate) has_invalid_host: bool,
    pub(crate) expects_continue: bool,
}

/// Writes the fields in their order, with their names as they are or in title case, except
/// `Content-Length` and `Transfer-Encoding`, which [`write_framing`] writes.
pub(crate) fn write_fields<'f>(
    out: &mut Vec<u8>,
    fields: impl IntoIterator<Item = Field<'f>>,
) -> Result<HeadFields, SendError> {
    let mut written = HeadFields::default();
    add_fields(out, fields, &mut written)?;
    Ok(written)
}

/// The same, behind fields that were `written` before.
pub(crate) fn add_fields<'f>(
    out: &mut Vec<u8>,
    fields: impl IntoIterator<Item = Field<'f>>,
    written: &mut HeadFields,
) -> Result<(), SendError> {
    for field in fields {
        if field.id().is_framing() {
            continue;
        }
        write_field(out, &field)?;
        written.note(&field);
    }
    Ok(())
}

/// Writes field lines that have the form of HTTP/1.1 already. The fields that frame the message are
/// left out, and so is `Connection`, of which only a `close` is noted.
pub(crate) fn write_lines(out: &mut Vec<u8>, lines: &[u8]) -> Result<HeadFields, SendError> {
    let mut written = HeadFields::default();
    out.reserve(lines.len());
    let mut rest = lines;
    while !rest.is_empty() {
        let (line, field);
        (line, field, rest) = split_line(rest)?;
        match field.id() {
            FieldId::Connection => {
                let mut options = ConnectionOptions::default();
                options.add_line(field.value());
                written.asks_to_close |= options.close;
            }
            id if id.is_framing() => {}
            _ => {
                out.extend_from_slice(line);
                written.note(&field);
            }
        }
    }
    Ok(written)
}

/// Splits the first of `lines` off: the line, its field, and the other lines.
fn split_line(lines: &[u8]) -> Result<(&[u8], Field<'_>, &[u8]), SendError> {
    let end = memchr(b'\n', lines).ok_or(SendError::InvalidFieldValue)?;
    let (line, rest) = lines.split_at(end + 1);
    let content = line.strip_suffix(b"\r\n").ok_or(SendError::InvalidFieldValue)?;
    let colon = content.iter().position(|byte| *byte == b':');
    let (name, separated) = content.split_at(colon.ok_or(SendError::InvalidFieldName)?);
    let value = separated.strip_prefix(b": ").ok_or(SendError::InvalidFieldName)?;
    let field = Field::new(name, value);
    check_field(&field)?;
    Ok((line, field, rest))
}

impl HeadFields {
    fn note(&mut self, field: &Field<'_>) {
        self.present.insert(field.id());
        match field.id() {
            FieldId::Connection => self.connection.add_line(field.value()),
            FieldId::Host => {
                self.hosts = self.hosts.saturating_add(1);
                self.has_invalid_host |= !crate::head::is_host_value(field.value());
            }
            FieldId::Expect => {
                self.expects_continue |= field.value().eq_ignore_ascii_case(b"100-continue");
            }
            _ => {}
        }
    }
}

/// RFC 9110 §5.1 and §5.5: a name is a token; a value has no control character, and neither begins
/// nor ends with white space. A line break in a value would start another field or message.
fn check_field(field: &Field<'_>) -> Result<(), SendError> {
    // The known names are tokens.
    if field.id() == FieldId::Other && !is_token(field.name()) {
        return Err(SendError::InvalidFieldName);
    }
    match field.value() {
        [b' ' | b'\t', ..] | [.., b' ' | b'\t'] => Err(SendError::InvalidFieldValue),
        value if has_value_bytes(value) => Ok(()),
        _ => Err(SendError::InvalidFieldValue),
    }
}

fn write_field(out: &mut Vec<u8>, field: &Field<'_>) -> Result<(), SendError> {
    check_field(field)?;
    out.reserve(field.name().len() + field.value().len() + 4);
    write_name(out, field);
    out.extend_from_slice(b": ");
    out.extend_from_slice(field.value());
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn write_name(out: &mut Vec<u8>, field: &Field<'_>) {
    match field.id() {
        _ if !field.is_title_case() => out.extend_from_slice(field.name()),
        FieldId::Other => {
            let start = out.len();
            out.extend_from_slice(field.name());
            capitalize_words(&mut out[start..]);
        }
        known => out.extend_from_slice(known.in_title_case().as_bytes()),
    }
}

fn capitalize_words(name: &mut [u8]) {
    let mut begins_word = true;
    for byte in name {
        if begins_word {
            byte.make_ascii_uppercase();
        }
        begins_word = *byte == b'-';
    }
}

/// Writes the options of `Connection` that the caller's fields lack: `upgrade` beside an `Upgrade`
/// (RFC 9110 §7.8: a sender MUST send it), and `persistence`.
pub(crate) fn write_connection(
    out: &mut Vec<u8>,
    written: &HeadFields,
    persistence: Option<&'static str>,
) {
    let needs_upgrade = written.present.contains(FieldId::Upgrade) && !written.connection.upgrade;
    let has_said = match persistence {
        Some("close") => written.connection.close,
        _ => written.connection.keep_alive,
    };
    let missing = persistence.filter(|_| !has_said);
    let value = match (needs_upgrade, missing) {
        (false, None) => return,
        (true, None) => "upgrade",
        (true, Some("close")) => "upgrade, close",
        (true, Some(_)) => "upgrade, keep-alive",
        (false, Some(option)) => option,
    };
    for part in ["Connection: ", value, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Writes the field that announces the framing, if it needs one.
pub(crate) fn write_framing(out: &mut Vec<u8>, framing: Framing) {
    match framing {
        Framing::Length(length) => {
            out.extend_from_slice(b"Content-Length: ");
            write_decimal(out, length);
            out.extend_from_slice(b"\r\n");
        }
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::None | Framing::UntilClose | Framing::Tunnel => {}
    }
}

fn write_decimal(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut left = number;
    loop {
        start -= 1;
        digits[start] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Writes the trailer fields, except those that are not allowed in trailers.
///
/// RFC 9110 §6.5.1: "Many fields cannot be processed outside the header section […], such as those
/// that describe message framing, routing, authentication, request modifiers, response controls, or
/// content format. A sender MUST NOT generate a trailer field unless the sender knows the
/// corresponding header field name's definition permits the field to be sent in trailers."
pub(crate) fn write_trailers<'f>(
    out: &mut Vec<u8>,
    trailers: impl IntoIterator<Item = Field<'f>>,
) -> Result<(), SendError> {
    for trailer in trailers {
        if is_trailer_name(trailer.id(), trailer.name()) {
            write_field(out, &trailer)?;
        }
    }
    Ok(())
}

fn is_trailer_name(id: FieldId, name: &[u8]) -> bool {
    let is_known = matches!(
        id,
        FieldId::TransferEncoding
            | FieldId::ContentLength
            | FieldId::Host
            | FieldId::Connection
            | FieldId::KeepAlive
            | FieldId::ProxyConnection
            | FieldId::Te
            | FieldId::Trailer
            | FieldId::Upgrade
            | FieldId::Expect
            | FieldId::MaxForwards
            | FieldId::Authorization
            | FieldId::ProxyAuthorization
            | FieldId::Cookie
            | FieldId::Forwarded
            | FieldId::XForwardedFor
            | FieldId::XForwardedHost
            | FieldId::XForwardedProto
            | FieldId::Http2Settings
    );
    !is_known && !is_forbidden(name)
}

/// Returns true for forbidden names that have no [`FieldId`].
fn is_forbidden(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 12] = [
        b"set-cookie",
        b"www-authenticate",
        b"proxy-authenticate",
        b"authentication-info",
        b"proxy-authentication-info",
        b"cache-control",
        b"range",
        b"location",
        b"vary",
        b"age",
        b"retry-after",
        b"pragma",
    ];
    let begins_content = name.len() > 8 && name[..8].eq_ignore_ascii_case(b"content-");
    begins_content || NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a line end within prepared lines that begins another field, or ends the head.
    #[test]
    fn prepared_lines_are_checked() {
        let mut out = Vec::new();
        let lines = b"Upgrade: a\r\nConnection: upgrade, close\r\nContent-Length: 3\r\nX: \r\n";
        let written = write_lines(&mut out, lines).expect("valid lines");
        assert_eq!(out, b"Upgrade: a\r\nX: \r\n");
        assert!(written.asks_to_close);
        assert_eq!(written.connection, ConnectionOptions::default());
        assert!(written.present.contains(FieldId::Upgrade));
        for bad in
            ["X: a\n", "X: a", "X: a\rb\r\n", "X:a\r\n", "X\r\n", ": a\r\n", "\r\n", "X : a\r\n"]
        {
            assert!(write_lines(&mut Vec::new(), bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 7, 10, 1234, u64::MAX] {
            let mut out = Vec::new();
            write_decimal(&mut out, number);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }

    #[test]
    fn names_are_as_given_or_in_title_case() {
        for (name, expected) in [("x-request-id", "X-Request-Id"), ("ETag", "ETag"), ("te", "Te")] {
            let mut out = Vec::new();
            let fields = [Field::in_title_case(name.as_bytes(), b"a-b"), Field::new(b"x-y", b"c")];
            assert!(write_fields(&mut out, fields).is_ok());
            assert_eq!(out, format!("{expected}: a-b\r\nx-y: c\r\n").as_bytes());
        }
    }

    /// Catches a known name whose title case is not that of other names.
    #[test]
    fn known_names_are_capitalized_as_others_are() {
        for id in FieldId::KNOWN {
            let mut name = id.as_str().to_owned().into_bytes();
            capitalize_words(&mut name);
            assert_eq!(id.in_title_case().as_bytes(), name);
        }
    }

    /// RFC 9110 §6.5.1.
    #[test]
    fn fields_that_steer_a_message_are_no_trailers() {
        for name in ["content-length", "Content-MD5", "Host", "cookie", "Set-Cookie", "trailer"] {
            assert!(!is_trailer_name(FieldId::of_name(name.as_bytes()), name.as_bytes()), "{name}");
        }
        for name in ["grpc-status", "Server-Timing", "content", "x-content-y"] {
            assert!(is_trailer_name(FieldId::of_name(name.as_bytes()), name.as_bytes()), "{name}");
        }
    }
}
