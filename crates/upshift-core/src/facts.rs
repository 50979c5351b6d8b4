//! What is known of a request when it is decided.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

/// The field lines of a request, read without copying.
///
/// A header map, slices of a read buffer, a line of a log or a proxy's ABI can each serve.
pub trait Fields {
    /// The value of the `index`th field line called `name` (lower case), or `None` past the last
    /// one.
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]>;

    /// The values of all field lines called `name` (lower case), in their order.
    ///
    /// Implement it where [`Fields::nth`] has to count lines: a head of a few kilobytes can hold
    /// thousands of equal ones over HTTP/2, and asking for each by its number is quadratic.
    fn values<'f>(&'f self, name: &str) -> Vec<&'f [u8]> {
        let mut values = Vec::new();
        while let Some(value) = self.nth(name, values.len()) {
            values.push(value);
        }
        values
    }
}

impl dyn Fields + '_ {
    /// All values of the field `name` (lower case), in the order of their lines.
    pub fn all<'f>(&'f self, name: &str) -> impl Iterator<Item = &'f [u8]> + use<'f> {
        // Nearly every field has one line: no list is made for it.
        let first = self.nth(name, 0);
        let others = match self.nth(name, 1) {
            Some(_) => self.values(name).split_off(1),
            None => Vec::new(),
        };
        first.into_iter().chain(others)
    }

    /// Tells whether the field `name` (lower case) has lines that differ: readers disagree on which
    /// of them counts.
    pub fn is_contradictory(&self, name: &str) -> bool {
        let mut values = self.all(name).map(<[u8]>::trim_ascii);
        let first = values.next();
        values.any(|value| Some(value) != first)
    }

    /// The first value of the field `name` as text, without outer white space; `None` if absent or
    /// not UTF-8.
    pub fn text<'f>(&'f self, name: &'f str) -> Option<&'f str> {
        std::str::from_utf8(self.nth(name, 0)?).ok().map(str::trim)
    }

    /// The same, with U+FFFD for what is not UTF-8: one byte of another encoding in a comment hides
    /// nothing beside it.
    pub fn text_lossy<'f>(&'f self, name: &str) -> Option<Cow<'f, str>> {
        Some(String::from_utf8_lossy(self.nth(name, 0)?.trim_ascii()))
    }

    /// Tells whether there is a field `name`.
    pub fn has(&self, name: &str) -> bool {
        self.nth(name, 0).is_some()
    }
}

/// Field lines as pairs of a name (any case) and a value, for tests, logs and the command line.
impl<N: AsRef<str>, V: AsRef<[u8]>> Fields for [(N, V)] {
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
        self.iter()
            .filter(|(n, _)| n.as_ref().eq_ignore_ascii_case(name))
            .nth(index)
            .map(|(_, value)| value.as_ref())
    }

    fn values<'f>(&'f self, name: &str) -> Vec<&'f [u8]> {
        let named = self.iter().filter(|(n, _)| n.as_ref().eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_ref()).collect()
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Fields for Vec<(N, V)> {
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
        self.as_slice().nth(name, index)
    }

    fn values<'f>(&'f self, name: &str) -> Vec<&'f [u8]> {
        self.as_slice().values(name)
    }
}

/// A version of HTTP, in order of age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HttpVersion {
    /// HTTP/0.9.
    V0_9,
    /// HTTP/1.0.
    V1_0,
    /// HTTP/1.1.
    V1_1,
    /// HTTP/2.
    V2,
    /// HTTP/3.
    V3,
}

impl HttpVersion {
    /// Reads `1`, `1.0`, `1.1`, `2`, `2.0`, `3`, `3.0`, with or without `HTTP/`, and the `h2`,
    /// `h2c`, `h3` that proxies write.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bare = match text.get(..5) {
            Some(prefix) if prefix.eq_ignore_ascii_case("HTTP/") => &text[5..],
            _ => text.strip_prefix(['h', 'H']).unwrap_or(text),
        };
        match bare {
            "0.9" => Some(Self::V0_9),
            "1.0" | "1" => Some(Self::V1_0),
            "1.1" => Some(Self::V1_1),
            "2" | "2.0" | "2c" => Some(Self::V2),
            "3" | "3.0" => Some(Self::V3),
            _ => None,
        }
    }

    /// As people and the policy file write it: `1.0`, `1.1`, `2`, `3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_9 => "0.9",
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V2 => "2",
            Self::V3 => "3",
        }
    }

    /// Tells whether several requests share the connection, so that `Upgrade` and `Connection` may
    /// not be sent (RFC 9113 §8.2.2, RFC 9114 §4.2).
    pub fn is_multiplexed(self) -> bool {
        self >= Self::V2
    }
}

/// A version of TLS or of SSL before it, in order of age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// SSL 2.0.
    Ssl2,
    /// SSL 3.0.
    Ssl3,
    /// TLS 1.0.
    V1_0,
    /// TLS 1.1.
    V1_1,
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl TlsVersion {
    /// Reads `1.2`, `TLSv1.2`, `TLS 1.2`, `TLS/1.2`, `tls1_2`, `tls12`, `SSLv3`, and `0x0303`,
    /// `0x303` or `771`, the number on the wire (RFC 8446 §4.1.2), also in quotes. What follows, a
    /// cipher as CloudFront and nginx write it, is ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().trim_matches('"').to_ascii_lowercase();
        if let Some(code) = lower.strip_prefix("0x") {
            return Self::of_code(u16::from_str_radix(code, 16).ok()?);
        }
        if lower.len() == 3
            && let Ok(code) = lower.parse()
        {
            return Self::of_code(code);
        }
        let (is_ssl, named) = match (lower.strip_prefix("ssl"), lower.strip_prefix("tls")) {
            (Some(rest), _) => (true, rest),
            (_, rest) => (false, rest.unwrap_or(&lower)),
        };
        let number = named.trim_start_matches([' ', 'v', '/', '-', '_', '.']);
        let end = number
            .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
            .unwrap_or(number.len());
        if number[end..].starts_with(char::is_alphanumeric) {
            return None;
        }
        let with_prefix = named.len() < lower.len();
        match (is_ssl, number[..end].replace('_', ".").as_str()) {
            (true, "2" | "2.0") => Some(Self::Ssl2),
            (true, "3" | "3.0") => Some(Self::Ssl3),
            (false, "1" | "1.0") => Some(Self::V1_0),
            (false, "1.1") => Some(Self::V1_1),
            (false, "1.2") => Some(Self::V1_2),
            (false, "1.3") => Some(Self::V1_3),
            (false, digits) if with_prefix => Self::of_digits(digits),
            _ => None,
        }
    }

    fn of_code(code: u16) -> Option<Self> {
        match code {
            0x0002 | 0x0200 => Some(Self::Ssl2),
            0x0300 => Some(Self::Ssl3),
            0x0301 => Some(Self::V1_0),
            0x0302 => Some(Self::V1_1),
            0x0303 => Some(Self::V1_2),
            0x0304 => Some(Self::V1_3),
            _ => None,
        }
    }

    fn of_digits(digits: &str) -> Option<Self> {
        match digits {
            "10" => Some(Self::V1_0),
            "11" => Some(Self::V1_1),
            "12" => Some(Self::V1_2),
            "13" => Some(Self::V1_3),
            _ => None,
        }
    }

    /// `1.0` to `1.3`; `SSLv2` and `SSLv3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ssl2 => "SSLv2",
            Self::Ssl3 => "SSLv3",
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }
}

/// As people write it: `TLS 1.2`, `SSLv3`.
impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if *self < Self::V1_0 { "" } else { "TLS " };
        write!(f, "{prefix}{}", self.as_str())
    }
}

/// A fact that a hop in front of us may keep from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// It is this.
    Is(T),
    /// Nobody whom we believe has told.
    Unknown,
}

/// The protection of the client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsState {
    /// Not at all.
    Cleartext,
    /// Over TLS of this version.
    Version(TlsVersion),
    /// Over TLS, of a version that a declared proxy does not tell.
    SomeVersion,
}

/// The facts about one request.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The host that was asked, without port: `:authority` or `Host`; empty if none was sent.
    pub host: &'a str,
    /// The path as it was sent, without the query. `*` for the asterisk form.
    pub path: &'a str,
    /// The text behind the `?`.
    pub query: Option<&'a str>,
    /// The version of HTTP of this connection, on which the answer goes out.
    pub hop: HttpVersion,
    /// The version of HTTP that the client speaks: that of this connection, or what a declared
    /// proxy tells.
    pub http: Known<HttpVersion>,
    /// The protection of its connection.
    pub tls: Known<TlsState>,
    /// The client's address.
    pub client_ip: Option<IpAddr>,
    /// The field lines.
    pub fields: &'a dyn Fields,
    /// The request has content (a body).
    pub has_content: bool,
    /// `:protocol` of an extended CONNECT (RFC 8441 §4).
    pub protocol: Option<&'a str>,
}

impl<'a> Facts<'a> {
    /// Splits an origin-form or absolute-form target into path and query, without its fragment.
    pub fn split_target(target: &str) -> (&str, Option<&str>) {
        let target = target.split('#').next().unwrap_or_default();
        let after_authority = match target.find("://") {
            Some(at) if !target[..at].contains('/') => {
                let rest = &target[at + 3..];
                rest.find(['/', '?']).map_or("/", |start| &rest[start..])
            }
            _ => target,
        };
        match after_authority.split_once('?') {
            Some(("", query)) => ("/", Some(query)),
            Some((path, query)) => (path, Some(query)),
            None => (after_authority, None),
        }
    }

    /// The host of an authority: without user information, port and the brackets' port suffix.
    pub fn host_of(authority: &str) -> &str {
        let host = authority.rsplit('@').next().unwrap_or_default();
        if host.starts_with('[') {
            return host.find(']').map_or(host, |end| &host[..=end]);
        }
        host.split(':').next().unwrap_or_default()
    }

    /// Tells whether HTTP/1.1 or older is spoken here, so that `Upgrade` may be sent.
    pub fn is_http1(&self) -> bool {
        !self.hop.is_multiplexed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kind: a version that a proxy tells is unknown here, and so admitted, because of its
    /// spelling.
    #[test]
    fn versions_of_tls_are_read_as_proxies_write_them() {
        use TlsVersion::{Ssl2, Ssl3, V1_0, V1_1, V1_2, V1_3};
        for (text, wanted) in [
            ("TLSv1.3:TLS_AES_128_GCM_SHA256:fullHandshake", V1_3),
            ("1.2", V1_2),
            ("TLSv1.2", V1_2),
            ("TLS1.2", V1_2),
            ("TLS 1.2", V1_2),
            ("tls/1.2", V1_2),
            ("tls1_2", V1_2),
            ("TLSv1_2", V1_2),
            ("tls12", V1_2),
            ("TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256", V1_2),
            ("TLSv1.2/ECDHE-RSA-AES128-GCM-SHA256", V1_2),
            ("0x0303", V1_2),
            ("TLS 1.1", V1_1),
            ("TLSv1", V1_0),
            ("TLSv1.0", V1_0),
            ("0x0301", V1_0),
            ("0x302", V1_1),
            ("770", V1_1),
            ("\"TLSv1.1\"", V1_1),
            ("SSLv3", Ssl3),
            ("SSL 3.0", Ssl3),
            ("ssl3", Ssl3),
            ("SSLv2", Ssl2),
        ] {
            assert_eq!(TlsVersion::parse(text), Some(wanted), "{text}");
        }
        for none in [
            "",
            "-",
            "12",
            "1.4",
            "TLSv2",
            "TLS",
            "SSLv4",
            "1.2x",
            "ECDHE",
            "(null)",
            "0x03",
            "0x30",
            "512x",
            "999",
            "\u{130}1.2",
        ] {
            assert_eq!(TlsVersion::parse(none), None, "{none}");
        }
        assert!(Ssl3 < V1_0);
    }

    #[test]
    fn versions_of_http_are_read_as_proxies_write_them() {
        assert_eq!(HttpVersion::parse("HTTP/2.0"), Some(HttpVersion::V2));
        assert_eq!(HttpVersion::parse("1.0"), Some(HttpVersion::V1_0));
        assert_eq!(HttpVersion::parse("3.0"), Some(HttpVersion::V3));
        assert_eq!(HttpVersion::parse("h2c"), Some(HttpVersion::V2));
        assert_eq!(HttpVersion::parse("http/1.1"), Some(HttpVersion::V1_1));
        assert_eq!(HttpVersion::parse("7"), None);
    }

    #[test]
    fn targets_are_split() {
        assert_eq!(Facts::split_target("/a?b=c?d"), ("/a", Some("b=c?d")));
        assert_eq!(Facts::split_target("http://h:1?q"), ("/", Some("q")));
        assert_eq!(Facts::split_target("http://h/x#f"), ("/x", None));
        assert_eq!(Facts::split_target("/go?to=http://x/"), ("/go", Some("to=http://x/")));
        assert_eq!(Facts::host_of("u@[::1]:80"), "[::1]");
        assert_eq!(Facts::host_of("example.com:80"), "example.com");
    }
}
