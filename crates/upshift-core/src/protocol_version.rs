//! Versions of HTTP and TLS.

use std::fmt;

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
    /// Parses `1`, `1.0`, `1.1`, `2`, `2.0`, `3`, `3.0`, with or without `HTTP/`, and the `h2`,
    /// `h2c`, `h3` that proxies write.
    pub fn parse(text: &str) -> Option<Self> {
        let trimmed = text.trim();
        // `get`, because a slice that ends within a character would panic.
        let bare = match trimmed.get(..5) {
            Some(prefix) if prefix.eq_ignore_ascii_case("HTTP/") => &trimmed[5..],
            // `h2`, `h2c` and `h3`, as ALPN and `Upgrade` name them.
            _ => trimmed.strip_prefix(['h', 'H']).unwrap_or(trimmed),
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

    /// The version as people and the policy file write it: `1.0`, `1.1`, `2`, `3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_9 => "0.9",
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V2 => "2",
            Self::V3 => "3",
        }
    }

    /// Returns true if several requests share the connection, so that `Upgrade` and `Connection`
    /// may not be sent (RFC 9113 §8.2.2, RFC 9114 §4.2).
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
    /// Parses `1.2`, `TLSv1.2`, `TLS 1.2`, `TLS/1.2`, `tls1_2`, `tls12`, `SSLv3`, and `0x0303`,
    /// `0x303` or `771`, the number on the wire (RFC 8446 §4.1.2), also in quotes. A cipher after
    /// the version, as CloudFront and nginx write it, is ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().trim_matches('"').to_ascii_lowercase();
        if let Some(code) = lower.strip_prefix("0x") {
            return Self::from_code(u16::from_str_radix(code, 16).ok()?);
        }
        // `771` is 0x0303 in decimal; no version in words has three digits.
        if lower.len() == 3
            && let Ok(code) = lower.parse()
        {
            return Self::from_code(code);
        }
        if let Some(named) = lower.strip_prefix("ssl") {
            return Self::from_ssl_number(version_number(named)?);
        }
        match lower.strip_prefix("tls") {
            Some(named) => {
                let number = version_number(named)?;
                Self::from_tls_number(number).or_else(|| Self::from_digits(number))
            }
            None => Self::from_tls_number(version_number(&lower)?),
        }
    }

    fn from_code(code: u16) -> Option<Self> {
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

    fn from_ssl_number(number: &str) -> Option<Self> {
        match number {
            "2" | "2.0" | "2_0" => Some(Self::Ssl2),
            "3" | "3.0" | "3_0" => Some(Self::Ssl3),
            _ => None,
        }
    }

    fn from_tls_number(number: &str) -> Option<Self> {
        match number {
            "1" | "1.0" | "1_0" => Some(Self::V1_0),
            "1.1" | "1_1" => Some(Self::V1_1),
            "1.2" | "1_2" => Some(Self::V1_2),
            "1.3" | "1_3" => Some(Self::V1_3),
            _ => None,
        }
    }

    /// The digits of `tls12`, which are a version only after the name.
    fn from_digits(digits: &str) -> Option<Self> {
        match digits {
            "10" => Some(Self::V1_0),
            "11" => Some(Self::V1_1),
            "12" => Some(Self::V1_2),
            "13" => Some(Self::V1_3),
            _ => None,
        }
    }

    /// The version as text: `1.0` to `1.3`; `SSLv2` and `SSLv3`.
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

/// The number of a version after its name; `None` if a letter follows it directly.
fn version_number(named: &str) -> Option<&str> {
    let text = named.trim_start_matches([' ', 'v', '/', '-', '_', '.']);
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'));
    let (number, rest) = text.split_at(end.unwrap_or(text.len()));
    if rest.starts_with(char::is_alphanumeric) { None } else { Some(number) }
}

/// The version as people write it: `TLS 1.2`, `SSLv3`.
impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if *self < Self::V1_0 { "" } else { "TLS " };
        write!(f, "{prefix}{}", self.as_str())
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
}
