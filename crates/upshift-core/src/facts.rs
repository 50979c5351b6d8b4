//! The facts about a request on which a decision is based.

use std::borrow::Cow;
use std::net::IpAddr;

pub use crate::protocol_version::{HttpVersion, TlsVersion};

/// The field lines of a request, read without copying.
///
/// A header map, slices of a read buffer, a line of a log or a proxy's ABI can implement it.
pub trait Fields {
    /// The value of the `index`th field line called `name` (lower case), or `None` past the last
    /// one.
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]>;

    /// The values of all field lines called `name` (lower case), in their order.
    ///
    /// Implement it where [`Fields::nth`] has to count lines: a head of a few kilobytes can hold
    /// thousands of equal ones over HTTP/2, and to ask for each by its number is quadratic.
    fn values<'f>(&'f self, name: &str) -> Vec<&'f [u8]> {
        let mut values = Vec::new();
        while let Some(value) = self.nth(name, values.len()) {
            values.push(value);
        }
        values
    }

    /// The values of the first two field lines called `name` (lower case).
    ///
    /// Implement it where to find the name costs more than to read its lines.
    fn first_two<'f>(&'f self, name: &str) -> [Option<&'f [u8]>; 2] {
        [self.nth(name, 0), self.nth(name, 1)]
    }
}

impl dyn Fields + '_ {
    /// All values of the field `name` (lower case), in the order of their lines.
    pub fn all<'f>(&'f self, name: &str) -> impl Iterator<Item = &'f [u8]> + use<'f> {
        // Nearly every field has one line: no list is made for it.
        let [first, second] = self.first_two(name);
        let others = match second {
            Some(_) => self.values(name).split_off(1),
            None => Vec::new(),
        };
        first.into_iter().chain(others)
    }

    /// Returns true if the field `name` (lower case) has lines that differ: readers disagree on
    /// which of them counts.
    pub fn is_contradictory(&self, name: &str) -> bool {
        // RFC 9110 §5.5: white space around a value is not part of it.
        let mut values = self.all(name).map(<[u8]>::trim_ascii);
        let first = values.next();
        values.any(|value| Some(value) != first)
    }

    /// The first value of the field `name` as text, without outer white space; `None` if it is
    /// absent or not UTF-8.
    pub fn text<'f>(&'f self, name: &'f str) -> Option<&'f str> {
        let value = std::str::from_utf8(self.nth(name, 0)?).ok()?;
        Some(value.trim())
    }

    /// The first value of the field `name`, with U+FFFD in place of invalid UTF-8: one byte of
    /// another encoding in a comment hides nothing beside it.
    pub fn text_lossy<'f>(&'f self, name: &str) -> Option<Cow<'f, str>> {
        Some(String::from_utf8_lossy(self.nth(name, 0)?.trim_ascii()))
    }

    /// Returns true if there is a field `name`.
    pub fn has(&self, name: &str) -> bool {
        self.nth(name, 0).is_some()
    }
}

/// Field lines as pairs of a name (any case) and a value, for tests, logs and the command line.
impl<N: AsRef<str>, V: AsRef<[u8]>> Fields for [(N, V)] {
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
        let mut lines = self.iter().filter(|(line, _)| line.as_ref().eq_ignore_ascii_case(name));
        let (_, value) = lines.nth(index)?;
        Some(value.as_ref())
    }

    fn values<'f>(&'f self, name: &str) -> Vec<&'f [u8]> {
        let mut values = Vec::new();
        for (line, value) in self {
            if line.as_ref().eq_ignore_ascii_case(name) {
                values.push(value.as_ref());
            }
        }
        values
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

/// A fact that a hop in front may hide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// The fact is known.
    Is(T),
    /// No trusted source reports the fact.
    Unknown,
}

/// The protection of the client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsState {
    /// None: cleartext.
    Cleartext,
    /// TLS of this version.
    Version(TlsVersion),
    /// TLS of a version that a declared proxy does not report.
    SomeVersion,
}

/// The facts about one request.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The requested host, without port: `:authority` or `Host`; empty if none was sent.
    pub host: &'a str,
    /// The path as it was sent, without the query. `*` for the asterisk form.
    pub path: &'a str,
    /// The text after the `?`.
    pub query: Option<&'a str>,
    /// The version of HTTP of this connection, on which the answer is sent.
    pub hop: HttpVersion,
    /// The version of HTTP that the client speaks: that of this connection, or the one that a
    /// declared proxy reports.
    pub http: Known<HttpVersion>,
    /// The protection of the client's connection.
    pub tls: Known<TlsState>,
    /// The client's address.
    pub client_ip: Option<IpAddr>,
    /// The field lines.
    pub fields: &'a dyn Fields,
    /// True if the request has content (a body).
    pub has_content: bool,
    /// `:protocol` of an extended CONNECT (RFC 8441 §4).
    pub protocol: Option<&'a str>,
}

impl<'a> Facts<'a> {
    /// Splits an origin-form or absolute-form target into path and query, without its fragment.
    pub fn split_target(target: &str) -> (&str, Option<&str>) {
        // RFC 9110 §7.1: the target URI excludes the fragment.
        let without_fragment = target.split('#').next().unwrap_or_default();
        let path_and_query = match without_fragment.find("://") {
            // After a slash, `://` is part of the path or the query.
            Some(at) if !without_fragment[..at].contains('/') => {
                let rest = &without_fragment[at + 3..];
                match rest.find(['/', '?']) {
                    Some(start) => &rest[start..],
                    None => "/",
                }
            }
            _ => without_fragment,
        };
        match path_and_query.split_once('?') {
            // RFC 9110 §4.2.3: an empty path is equivalent to "/".
            Some(("", query)) => ("/", Some(query)),
            Some((path, query)) => (path, Some(query)),
            None => (path_and_query, None),
        }
    }

    /// The host of an authority: without user information and port, with an IPv6 address's
    /// brackets.
    pub fn host_of(authority: &str) -> &str {
        // Byte by byte: in a text as short as a host, a search for a character costs more.
        let bytes = authority.as_bytes();
        // The user information may look like a host (`good.example@evil.example`).
        let host = match bytes.iter().rposition(|byte| *byte == b'@') {
            Some(at) => &authority[at + 1..],
            None => authority,
        };
        // RFC 3986 §3.2.2: an IPv6 address is in brackets, because it has colons of its own.
        if !host.starts_with('[') {
            let end = host.bytes().position(|byte| byte == b':');
            return &host[..end.unwrap_or(host.len())];
        }
        match host.find(']') {
            Some(end) => &host[..=end],
            None => host,
        }
    }

    /// Returns true if this connection speaks HTTP/1.1 or older, so that `Upgrade` may be sent.
    pub fn is_http1(&self) -> bool {
        !self.hop.is_multiplexed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
