//! Paths: their normal form, and patterns over it.
//!
//! 1. Unreserved characters that came percent-encoded are decoded (RFC 3986 §6.2.2.2), other encodings written in
//!    upper case (§6.2.2.1); `//` is merged and dot segments are removed (§6.2.2.3).
//! 2. What upstreams read in different ways has several readings, and the strictest verdict of all counts: an encoded
//!    `/` and an encoded or bare `\` are data or separators, `;parameters` belong to a segment or do not (RFC 3986
//!    §3.3), and `..` takes away an empty segment before it or the one before that.
//! 3. Case counts. What goes upstream is the path as it was sent.

use std::borrow::Cow;
use std::fmt;

use super::segments::{Segment, matches};

/// A pattern such as `/account/**`, in normal form.
#[derive(Clone, Debug)]
pub struct PathPattern {
    text: Box<str>,
    segments: Box<[Segment]>,
}

/// A pattern with one `{version}`, such as `/api/v{version}/**`.
#[derive(Clone, Debug)]
pub struct PathTemplate(PathPattern);

/// Why a text is no path pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// It does not begin with `/`.
    NoSlash,
    /// It has a query or a fragment, which take no part in matching.
    Query,
    /// `**` is only a part of a segment.
    Stars,
    /// It must have `{version}` exactly once.
    Version,
}

impl PathPattern {
    /// Reads a pattern: `*` is one segment or a run of characters in one, `**` any number of segments.
    ///
    /// # Errors
    /// If it could never match what was meant.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if !text.starts_with('/') {
            return Err(PathError::NoSlash);
        }
        if text.contains(['?', '#']) {
            return Err(PathError::Query);
        }
        let normal = normalize(text, Liberties::default());
        let segments = split(&normal).map(segment).collect::<Result<_, _>>()?;
        Ok(Self { text: text.into(), segments })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the path, in this reading, is of this form.
    pub fn matches(&self, path: &Reading<'_>) -> bool {
        matches(&self.segments, &path.segments).is_some()
    }

    /// Whether the pattern names paths one by one: it has no star.
    pub fn is_literal(&self) -> bool {
        !self.text.contains('*')
    }
}

impl PathTemplate {
    /// Reads a pattern with `{version}` in one of its segments.
    ///
    /// # Errors
    /// As [`PathPattern::parse`], and if `{version}` does not stand in it exactly once.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.matches("{version}").count() != 1 {
            return Err(PathError::Version);
        }
        PathPattern::parse(text).map(Self)
    }

    /// What stands in the place of `{version}` in `path`, if it is of this form.
    pub fn capture<'p>(&self, path: &Reading<'p>) -> Option<&'p str> {
        matches(&self.0.segments, &path.segments).flatten()
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.0.text
    }
}

/// A path in one of its readings, taken apart once for all patterns.
#[derive(Clone, Debug)]
pub struct Reading<'p> {
    pub(super) text: &'p str,
    segments: Vec<&'p str>,
}

impl<'p> Reading<'p> {
    /// Of a path in its normal form.
    pub fn new(text: &'p str) -> Self {
        Self { text, segments: split(text).collect() }
    }
}

/// The readings of a path as it was sent: one for nearly every path, more where upstreams may differ; all distinct.
pub fn readings(path: &str) -> Vec<Cow<'_, str>> {
    let plain = normalize(path, Liberties::default());
    if !path.starts_with('/') || !path.contains(['%', '\\', ';']) && !path.contains("//") {
        return vec![plain];
    }
    let open = Liberties {
        slash: has_encoded(path, b"2F"),
        backslash: path.contains('\\') || has_encoded(path, b"5C"),
        parameters: path.contains(';') || has_encoded(path, b"3B"),
        empty: true,
    };
    let mut all = vec![plain];
    for taken in open.combinations() {
        let reading = normalize(path, taken);
        if !all.contains(&reading) {
            all.push(reading);
        }
    }
    all
}

/// What an upstream may do with a path beyond RFC 3986.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Liberties {
    /// An encoded `/` separates.
    slash: bool,
    /// A `\` separates, bare or encoded.
    backslash: bool,
    /// From `;` on, a segment is parameters, as Tomcat and its kin have it.
    parameters: bool,
    /// An empty segment is one that `..` takes away; else `//` is merged first.
    empty: bool,
}

impl Liberties {
    /// All ways to take some of these.
    fn combinations(self) -> impl Iterator<Item = Self> {
        let ways = (1..16_u8).map(|bits| Self {
            slash: bits & 1 != 0,
            backslash: bits & 2 != 0,
            parameters: bits & 4 != 0,
            empty: bits & 8 != 0,
        });
        ways.filter(move |way| {
            (self.slash || !way.slash)
                && (self.backslash || !way.backslash)
                && (self.parameters || !way.parameters)
                && (self.empty || !way.empty)
        })
    }
}

/// Whether a NUL stands in the path, plainly or encoded: no honest client sends one, and programs in C stop there.
pub fn has_nul(path: &str) -> bool {
    path.contains('\0') || has_encoded(path, b"00")
}

fn has_encoded(path: &str, hex: &[u8]) -> bool {
    path.as_bytes().windows(3).any(|window| window[0] == b'%' && window[1..].eq_ignore_ascii_case(hex))
}

fn split(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

fn segment(text: &str) -> Result<Segment, PathError> {
    if text != "**" && text.contains("**") {
        return Err(PathError::Stars);
    }
    Ok(match text.split_once("{version}") {
        Some((prefix, suffix)) => Segment::Capture { prefix: prefix.into(), suffix: suffix.into() },
        None => Segment::parse(text),
    })
}

/// The normal form, with these liberties.
fn normalize(path: &str, taken: Liberties) -> Cow<'_, str> {
    let simple = !path.contains(['%', '\\', ';']) && !path.contains("//") && !path.contains("/.");
    if simple || !path.starts_with('/') {
        return Cow::Borrowed(path); // what does not begin with "/" is the asterisk form
    }
    Cow::Owned(remove_dot_segments(&decode(path, taken), taken))
}

fn decode(path: &str, taken: Liberties) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find(['%', '\\']) {
        out.push_str(&rest[..at]);
        let (length, replacement) = encoded(&rest[at..], taken);
        match replacement {
            Some(character) => out.push(character),
            None => out.push_str(&rest[at..at + length].to_ascii_uppercase()),
        }
        rest = &rest[at + length..];
    }
    out + rest
}

/// How many bytes the encoding at the start of `text` takes, and what stands for it, if it is to be replaced.
fn encoded(text: &str, taken: Liberties) -> (usize, Option<char>) {
    if text.starts_with('\\') {
        return (1, Some(if taken.backslash { '/' } else { '\\' }));
    }
    let Some(byte) = text.get(1..3).and_then(|hex| u8::from_str_radix(hex, 16).ok()) else { return (1, Some('%')) };
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => (3, Some(char::from(byte))),
        b'/' if taken.slash => (3, Some('/')),
        b'\\' if taken.backslash => (3, Some('/')),
        b';' if taken.parameters => (3, Some(';')),
        _ => (3, None),
    }
}

/// RFC 3986 §5.2.4, with empty segments merged, before or after.
fn remove_dot_segments(path: &str, taken: Liberties) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut last = "";
    for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
        let segment = if taken.parameters { segment.split(';').next().unwrap_or_default() } else { segment };
        last = segment;
        match segment {
            "" if !taken.empty => {}
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    kept.retain(|segment| !segment.is_empty());
    let end = if ["", ".", ".."].contains(&last) && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSlash => "a path pattern begins with \"/\"",
            Self::Query => "the query takes no part in matching; leave out what follows \"?\" or \"#\"",
            Self::Stars => "\"**\" stands alone between two \"/\"",
            Self::Version => "the template needs \"{version}\" exactly once, such as /api/v{version}/**",
        })
    }
}

impl std::error::Error for PathError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(path: &str) -> String {
        readings(path).remove(0).into_owned()
    }

    #[test]
    fn normal_forms() {
        for (sent, want) in [
            ("/a/b", "/a/b"),
            ("//a///b", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/%61%2e%2E/x", "/a../x"),
            ("/..", "/"),
            ("/a/%2e%2e/b", "/b"),
            ("/a/", "/a/"),
            ("/a%2fb", "/a%2Fb"),
            ("/%C3%a9", "/%C3%A9"),
            ("/100%", "/100%"),
            ("/a%", "/a%"),
            ("/a%zz", "/a%zz"),
            ("*", "*"),
            ("/x/..", "/"),
            ("/x/y/..", "/x/"),
        ] {
            assert_eq!(normal(sent), want, "{sent}");
        }
    }

    #[test]
    fn what_upstreams_read_in_different_ways_has_several_readings() {
        for (sent, want) in [
            ("/a/b", vec!["/a/b"]),
            ("/public/..%2faccount", vec!["/public/..%2Faccount", "/account"]),
            ("/a\\b", vec!["/a\\b", "/a/b"]),
            ("/a%5Cb", vec!["/a%5Cb", "/a/b"]),
            ("/account//../x", vec!["/x", "/account/x"]),
            ("/a//b", vec!["/a/b"]),
            ("/.well-known/..;/account", vec!["/.well-known/..;/account", "/account"]),
            ("/account;x=1/y", vec!["/account;x=1/y", "/account/y"]),
            ("/account%3bx", vec!["/account%3Bx", "/account"]),
            ("/account%2Fx%5c..", vec!["/account%2Fx%5C..", "/account/x%5C..", "/", "/account/"]),
        ] {
            let mut read = readings(sent);
            let mut want = want;

            read.sort();
            want.sort_unstable();
            assert_eq!(read, want, "{sent}");
        }
    }

    #[test]
    fn templates_capture() -> Result<(), PathError> {
        let template = PathTemplate::parse("/api/v{version}/**")?;
        assert_eq!(template.capture(&Reading::new("/api/v2.1/orders")), Some("2.1"));
        assert_eq!(template.capture(&Reading::new("/api/v2")), Some("2"));
        assert_eq!(template.capture(&Reading::new("/api/v/orders")), None);
        assert_eq!(PathTemplate::parse("/api/**").err(), Some(PathError::Version));
        assert_eq!(PathPattern::parse("/a/b**").err(), Some(PathError::Stars));
        Ok(())
    }

    #[test]
    fn a_nul_is_seen() {
        assert!(has_nul("/a%00b") && has_nul("/a\0") && !has_nul("/a%0"));
    }

    proptest! {
        #[test]
        fn the_normal_form_is_its_own(path in "/[a-c%./\\\\2eF5]{0,24}") {
            let once = normal(&path);
            let twice = normal(&once);
            // Decoding may free a "%" that encodes anew; that is data, as it is for the upstream.
            if !once.contains('%') { prop_assert_eq!(&once, &twice); }
            prop_assert!(once.starts_with('/') && !once.contains("//"));
            prop_assert!(!once.split('/').any(|segment| segment == "." || segment == ".."));
        }
    }
}
