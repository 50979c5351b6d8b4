//! The readings of a path: the ways in which an upstream may split it into segments.
//!
//! 1. A path is compared percent-decoded once, and so are the patterns.
//! 2. Where upstreams differ, each way gives a reading of its own, and the strictest verdict of all
//!    counts. The ways are those of nginx, Apache, Caddy, Node, Express, Koa, Fastify, PHP, Flask,
//!    wsgiref and Go, which were tested. They differ on encoded `/`, on `\`, on empty and dot
//!    segments (RFC 3986 §5.2.4), on `//authority` in front (§4.2) and on the end of the path.
//!    `;parameters` (§3.3) are those of Tomcat and its kin.
//! 3. A path of one reading, which is nearly every path, is split in place, and nothing is copied
//!    or allocated.

use std::borrow::Cow;

use super::dialect::PathDialect;
use super::path_features::PathFeatures;
use super::segments::Case;
use crate::inline_vec::InlineVec;

/// The most bytes that are split for one path, in all its readings together. A path that needs more
/// is refused ([`is_too_ambiguous`](super::is_too_ambiguous)), because otherwise its sender would
/// choose how much work it causes.
pub(super) const MAX_WORK: usize = 64 * 1024;

/// The comparison of paths with patterns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The case of letters: `/CHAT` is `/chat` for Express, Koa and ASP.NET.
    pub case: Case,
    /// True if `/chat/` is `/chat`, as for Express, Koa and ASP.NET.
    pub ignore_trailing_slash: bool,
}

/// The segments of a path, decoded.
type PathSegments<'p> = InlineVec<Cow<'p, [u8]>, 8>;

/// A path in one of its readings, split once for all patterns.
#[derive(Clone, Debug)]
pub struct PathReading<'p> {
    pub(super) segments: PathSegments<'p>,
    pub(super) comparison: Comparison,
}

/// The readings of a path as it was sent, all distinct.
#[derive(Clone, Debug)]
pub struct PathReadings<'p> {
    /// The reading by RFC 3986 alone.
    pub plainest: PathReading<'p>,
    /// The other readings. Nearly every path has none.
    pub others: Vec<PathReading<'p>>,
}

impl<'p> PathReading<'p> {
    /// The segments that take part in the comparison.
    pub(super) fn compared_segments(&self) -> &[Cow<'p, [u8]>] {
        match self.segments.as_slice() {
            // A trailing slash is an empty last segment; `/` itself is nothing else.
            [rest @ .., last]
                if self.comparison.ignore_trailing_slash && last.is_empty() && !rest.is_empty() =>
            {
                rest
            }
            all => all,
        }
    }

    /// Returns true if the path is `text`, which begins with `/` and needs no decoding.
    pub(super) fn equals(&self, text: &str) -> bool {
        let mut segments = self.segments.iter();
        for wanted in split_path(text) {
            match segments.next() {
                Some(segment) if **segment == *wanted => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }
}

impl<'p> PathReadings<'p> {
    /// Splits `path` in every way that upstreams do.
    pub fn of_path(path: &'p str, comparison: Comparison) -> Self {
        // Nearly every path: it borrows, and no dialect is tried.
        if is_plain(path) {
            let mut segments = PathSegments::new();
            for segment in split_path(path) {
                segments.push(Cow::Borrowed(segment));
            }
            return Self { plainest: PathReading { segments, comparison }, others: Vec::new() };
        }
        let plainest = PathReading {
            segments: PathDialect::default().split_segments(path).into(),
            comparison,
        };
        let mut others: Vec<PathReading<'p>> = Vec::new();
        for dialect in PathFeatures::of_path(path).all_dialects() {
            let segments = PathSegments::from(dialect.split_segments(path));
            // Most dialects agree on most paths: only distinct readings are decided.
            let is_known = segments == plainest.segments
                || others.iter().any(|other| other.segments == segments);
            if !is_known {
                others.push(PathReading { segments, comparison });
            }
        }
        Self { plainest, others }
    }

    /// All readings, the plainest first.
    pub fn iter(&self) -> impl Iterator<Item = &PathReading<'p>> {
        std::iter::once(&self.plainest).chain(&self.others)
    }
}

/// Returns true if the path has nothing to decode and one reading.
fn is_plain(path: &str) -> bool {
    // A path that does not begin with "/" is the asterisk form (RFC 9112 §3.2.4).
    if !path.starts_with('/') {
        return true;
    }
    // One pass: five searches for texts of one or two bytes took longer than a whole decision.
    let mut before = 0;
    for byte in path.bytes() {
        match (before, byte) {
            (_, b'%' | b'\\' | b';') | (b'/', b'/' | b'.') => return false,
            _ => before = byte,
        }
    }
    // Some upstreams drop dots at the end. The others of `TRIMMED` arrive encoded.
    before != b'.'
}

fn split_path(path: &str) -> impl Iterator<Item = &[u8]> {
    // By bytes: in texts as short as segments, a search for a character costs more.
    path.strip_prefix('/').unwrap_or(path).as_bytes().split(|byte| *byte == b'/')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The readings as text; a slash that is data is `%2F`.
    fn read(path: &str) -> Vec<String> {
        PathReadings::of_path(path, Comparison::default()).iter().map(text).collect()
    }

    fn text(reading: &PathReading<'_>) -> String {
        let segments = reading
            .segments
            .iter()
            .map(|segment| String::from_utf8_lossy(segment).replace('/', "%2F"));
        format!("/{}", segments.collect::<Vec<_>>().join("/"))
    }

    #[test]
    fn the_first_reading_is_that_of_rfc_3986() {
        for (sent, want) in [
            ("/a/b", "/a/b"),
            ("//a///b", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/%61%2e%2E/x", "/a../x"),
            ("/..", "/"),
            ("/a/%2e%2e/b", "/b"),
            ("/a/", "/a/"),
            ("/p%40q", "/p@q"),
            ("/caf%C3%A9", "/café"),
            ("/caf\u{e9}", "/café"),
            ("/100%", "/100%"),
            ("/a%zz", "/a%zz"),
            ("/%2561", "/%61"),
            ("/x/..", "/"),
            ("/x/y/..", "/x/"),
        ] {
            assert_eq!(read(sent)[0], want, "{sent}");
        }
        assert_eq!(
            PathReadings::of_path("*", Comparison::default()).plainest.segments.as_slice(),
            [&b"*"[..]]
        );
    }

    #[test]
    fn what_upstreams_read_in_different_ways_has_several_readings() {
        for (sent, also) in [
            ("/public/..%2faccount", "/account"),
            ("/public/..%2faccount", "/public/../account"),
            ("/a\\b", "/a/b"),
            ("/a%5Cb", "/a/b"),
            ("/account//../x", "/account/x"),
            ("/account/7/../../x", "/account/7/../../x"),
            ("/x/%2e%2e/../z", "/x/z"),
            ("//x/account/7", "/account/7"),
            ("///x/account/7", "/account/7"),
            ("/\\x/account/7", "/account/7"),
            ("/a//b", "/a//b"),
            ("/.well-known/..;/account", "/account"),
            ("/account;x=1/y", "/account/y"),
            ("/account%3bx", "/account"),
            // `new URL()` keeps an encoded backslash, and counts empty segments.
            ("/x\\..%5c/account\\7", "/x/..\\/account/7"),
            ("/account/7//../x", "/account/7/x"),
            // Dot segments that appear when the path is decoded stay.
            ("/x/../account%2f../7/..", "/account/../"),
            ("//api//orders", "/api//orders"),
            ("/chat.", "/chat"),
            ("/chat%20", "/chat"),
            ("/chat%0a", "/chat"),
            ("/account/7/../..", "/account/"),
            ("/chat%2F%2F", "/chat"),
            ("/chat/x/..", "/chat"),
        ] {
            assert!(read(sent).contains(&also.to_owned()), "{sent}: {:?}", read(sent));
        }
        assert_eq!(read("/a/b").len(), 1);
        assert_eq!(read("/p%40q/%C3%A9").len(), 1);
    }

    proptest! {
        #[test]
        fn a_path_has_readings_and_they_are_distinct(path in "/[a-c%./\\\\;2eF5]{0,24}") {
            let all = read(&path);
            let mut distinct = all.clone();
            distinct.sort();
            distinct.dedup();
            prop_assert!(!all.is_empty() && all.len() <= 3 * 3 * 2 * 2 * 3 * 4 * 2 * 2);
            prop_assert_eq!(distinct.len(), all.len());
        }

        #[test]
        fn no_bytes_make_it_panic(path in "\\PC{0,64}") {
            let _ = PathReadings::of_path(&path, Comparison::default());
        }
    }
}
