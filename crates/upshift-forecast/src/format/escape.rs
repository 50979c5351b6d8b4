//! The escapes that servers write, undone.

use std::borrow::Cow;

use crate::line::Text;

/// The way in which a writer escapes values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escaping {
    /// Not at all.
    Raw,
    /// `\x22`, `\x5C`: nginx by default.
    Nginx,
    /// `\"`, `\\`, `\t`, `\x01`: Apache, Varnish.
    Apache,
    /// As a string of JSON: nginx with `escape=json`.
    Json,
    /// `#22`: HAProxy.
    Haproxy,
    /// `%22`, once: CloudFront.
    Percent,
}

impl Escaping {
    /// The value that was logged as `text`.
    pub(crate) fn unescape(self, text: &[u8]) -> Text<'_> {
        let mark = match self {
            Self::Raw => return Cow::Borrowed(text),
            Self::Nginx | Self::Apache | Self::Json => b'\\',
            Self::Haproxy => b'#',
            Self::Percent => b'%',
        };
        let Some(first) = memchr::memchr(mark, text) else { return Cow::Borrowed(text) };
        let mut value = Vec::with_capacity(text.len());
        value.extend_from_slice(&text[..first]);
        let mut rest = &text[first..];
        while let Some((byte, after)) = rest.split_first() {
            if *byte != mark {
                value.push(*byte);
                rest = after;
                continue;
            }
            rest = match self {
                Self::Haproxy | Self::Percent => unescape_hex(*byte, after, &mut value),
                Self::Raw | Self::Nginx | Self::Apache | Self::Json => {
                    unescape_backslash(after, &mut value)
                }
            };
        }
        Cow::Owned(value)
    }
}

/// Undoes the escape that follows a backslash, and returns the rest.
fn unescape_backslash<'t>(after: &'t [u8], value: &mut Vec<u8>) -> &'t [u8] {
    let Some((letter, rest)) = after.split_first() else {
        value.push(b'\\');
        return after;
    };
    match letter {
        b'x' => return unescape_hex_or_keep(rest, value),
        b'u' => return unescape_unicode(rest, value),
        b't' => value.push(b'\t'),
        b'n' => value.push(b'\n'),
        b'r' => value.push(b'\r'),
        b'b' => value.push(0x08),
        b'f' => value.push(0x0c),
        b'v' => value.push(0x0b),
        other => value.push(*other),
    }
    rest
}

fn unescape_hex_or_keep<'t>(rest: &'t [u8], value: &mut Vec<u8>) -> &'t [u8] {
    match hex_byte(rest) {
        Some(byte) => {
            value.push(byte);
            &rest[2..]
        }
        None => {
            value.extend_from_slice(b"\\x");
            rest
        }
    }
}

/// Undoes `#22` or `%22`; a mark that two digits do not follow stands for itself.
fn unescape_hex<'t>(mark: u8, after: &'t [u8], value: &mut Vec<u8>) -> &'t [u8] {
    match hex_byte(after) {
        Some(byte) => {
            value.push(byte);
            &after[2..]
        }
        None => {
            value.push(mark);
            after
        }
    }
}

fn unescape_unicode<'t>(rest: &'t [u8], value: &mut Vec<u8>) -> &'t [u8] {
    let Some(unit) = hex_unit(rest) else {
        value.extend_from_slice(b"\\u");
        return rest;
    };
    let after = &rest[4..];
    // RFC 8259 §7: a character above U+FFFF is a pair of surrogates.
    let low = match after {
        [b'\\', b'u', low @ ..] if (0xd800..0xdc00).contains(&unit) => hex_unit(low),
        _ => None,
    };
    let mut units = vec![unit];
    units.extend(low);
    for character in char::decode_utf16(units) {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    if low.is_some() { &after[6..] } else { after }
}

fn hex_byte(text: &[u8]) -> Option<u8> {
    let [high, low, ..] = text else { return None };
    let high = char::from(*high).to_digit(16)?;
    let low = char::from(*low).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

fn hex_unit(text: &[u8]) -> Option<u16> {
    let (high, low) = (hex_byte(text)?, hex_byte(text.get(2..)?)?);
    Some(u16::from_be_bytes([high, low]))
}

/// Turns the characters of a text back into bytes, if all of them are bytes and one is not ASCII:
/// Envoy writes each byte as a character of its own.
pub(crate) fn bytes_of_latin1(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        bytes.push(u8::try_from(u32::from(character)).ok()?);
    }
    if bytes.is_ascii() { None } else { Some(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_writer_s_escapes_are_undone() {
        for (escaping, text, value) in [
            (Escaping::Raw, &b"a\\x22"[..], &b"a\\x22"[..]),
            (Escaping::Nginx, b"\\x22q\\x22 \\x5Cb \\xC3\\xA9", b"\"q\" \\b \xc3\xa9"),
            (
                Escaping::Apache,
                b"\\\"q\\\" \\\\b\\\\ \\xc3\\xa9 tab\\there",
                b"\"q\" \\b\\ \xc3\xa9 tab\there",
            ),
            (Escaping::Json, b"\\u0022\\u005c\\/ \\ud83d\\ude00", "\"\\/ \u{1f600}".as_bytes()),
            (Escaping::Haproxy, b"#22q#22 \\b\\ #C3#A9 a#b", b"\"q\" \\b\\ \xc3\xa9 a#b"),
            (Escaping::Percent, b"App/2.1%20%22x%22%2520", b"App/2.1 \"x\"%20"),
        ] {
            assert_eq!(&*escaping.unescape(text), value, "{escaping:?}");
        }
        assert_eq!(&*Escaping::Nginx.unescape(b"cut\\x2"), b"cut\\x2");
        assert_eq!(&*Escaping::Apache.unescape(b"cut\\"), b"cut\\");
    }

    #[test]
    fn characters_are_bytes_only_where_one_is_not_ascii() {
        assert_eq!(bytes_of_latin1("\u{c3}\u{a9}"), Some("é".as_bytes().to_vec()));
        assert_eq!(bytes_of_latin1("plain"), None);
        assert_eq!(bytes_of_latin1("\u{20ac}"), None);
    }
}
