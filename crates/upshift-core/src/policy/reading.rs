//! The readings of a path: every way in which an upstream may take it apart.
//!
//! 1. A path is compared percent-decoded once, and so are the patterns.
//! 2. Where upstreams differ, each way gives a reading of its own, and the strictest verdict of all
//!    counts. They were asked: nginx, Apache, Caddy, Node, Express, Koa, Fastify, PHP, Flask,
//!    wsgiref and Go. They differ on encoded `/`, on `\`, on empty and dot segments (RFC 3986
//!    §5.2.4), on `//authority` in front (§4.2) and on what stands at the end. `;parameters` (§3.3)
//!    are those of Tomcat and its kin.
//! 3. A path of one reading, which is nearly every path, is split where it stands and not copied.

use std::borrow::Cow;

use super::path::Comparison;

/// The most bytes that are taken apart for one path, in all its ways together. A path that needs
/// more is refused ([`is_too_ambiguous`](super::is_too_ambiguous)): its sender would choose how
/// much work it makes.
pub(super) const MAX_WORK: usize = 64 * 1024;

/// What some do not see at the end of a path.
const TRIMMED: &[u8] = b". \n";

/// A path in one of its readings, taken apart once for all patterns.
#[derive(Clone, Debug)]
pub struct PathReading<'p> {
    pub(super) segments: Vec<Cow<'p, [u8]>>,
    pub(super) comparison: Comparison,
}

impl PathReading<'_> {
    /// Whether the path is `text`, which begins with `/` and needs no decoding.
    pub(super) fn is(&self, text: &str) -> bool {
        let wanted = text.strip_prefix('/').unwrap_or(text).split('/');
        self.segments.iter().map(AsRef::as_ref).eq(wanted.map(str::as_bytes))
    }
}

/// The readings of a path as it was sent, at least one, all distinct.
pub fn path_readings(path: &str, comparison: Comparison) -> Vec<PathReading<'_>> {
    let reading = |segments| PathReading { segments, comparison };
    if is_plain(path) {
        let segments = split(path).map(|segment| Cow::Borrowed(segment.as_bytes()));
        return vec![reading(segments.collect())];
    }
    let found = Features::of(path);
    let mut all: Vec<Vec<Cow<'_, [u8]>>> = Vec::new();
    for way in found.ways() {
        let segments = way.segments(path);
        if !all.contains(&segments) {
            all.push(segments);
        }
    }
    all.into_iter().map(reading).collect()
}

/// Whether a path has nothing to decode and one reading.
fn is_plain(path: &str) -> bool {
    let special = path.contains(['%', '\\', ';']) || path.contains("//") || path.contains("/.");
    let trimmed = path.ends_with('.');
    !(special || trimmed) || !path.starts_with('/') // what does not begin with "/" is the asterisk form
}

fn split(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// What in a path may be read in several ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Features {
    /// An encoded `/`.
    pub(super) slash: bool,
    /// A bare `\`.
    pub(super) backslash: bool,
    /// An encoded `\`.
    pub(super) encoded_backslash: bool,
    /// A `;`, bare or encoded.
    pub(super) parameters: bool,
    /// An empty segment that is not the last.
    pub(super) empty: bool,
    /// A segment `.` or `..`, bare or encoded.
    pub(super) dots: bool,
    /// An authority in front: `//host/path`.
    pub(super) network: bool,
    /// One of [`TRIMMED`] at the very end, bare or encoded.
    trailing: bool,
    /// An end that is a slash for some: a dot segment or an encoded `/`.
    open_end: bool,
}

impl Features {
    /// What is found in `path`, every separator taken as one.
    pub(super) fn of(path: &str) -> Self {
        let segments = PathDialect::SEPARATING.raw_segments(path);
        let inner = &segments[..segments.len().saturating_sub(1)];
        let last = segments.last();
        let open = last.is_some_and(|last| last.is_empty() || last.dots().is_some());
        Self {
            slash: has_encoded(path, b'/'),
            backslash: path.contains('\\'),
            encoded_backslash: has_encoded(path, b'\\'),
            parameters: path.contains(';') || has_encoded(path, b';'),
            empty: inner.iter().any(RawSegment::is_empty),
            dots: segments.iter().any(|segment| segment.dots().is_some()),
            network: inner.first().is_some_and(RawSegment::is_empty),
            trailing: last
                .and_then(|last| last.bytes.last())
                .is_some_and(|byte| TRIMMED.contains(byte)),
            open_end: open && !path.ends_with('/'),
        }
    }

    /// Every way to read a path with these features, the plainest first: RFC 3986 alone.
    fn ways(self) -> Vec<PathDialect> {
        let mut ways = vec![PathDialect::default()];
        if self.slash {
            branch(
                &mut ways,
                &[
                    |way| PathDialect { slash: Slash::First, ..way },
                    |way| PathDialect { slash: Slash::Last, ..way },
                ],
            );
        }
        if self.backslash || self.encoded_backslash {
            branch(&mut ways, &[|way| PathDialect { backslash: Backslash::Bare, ..way }]);
        }
        if self.encoded_backslash {
            let bare = ways.clone().into_iter().filter(|way| way.backslash == Backslash::Bare);
            ways.extend(bare.map(|way| PathDialect { backslash: Backslash::Both, ..way }));
        }
        if self.parameters {
            branch(&mut ways, &[|way| PathDialect { parameters: true, ..way }]);
        }
        if self.network {
            branch(&mut ways, &[|way| PathDialect { network: true, ..way }]);
        }
        if self.dots {
            branch(
                &mut ways,
                &[
                    |way| PathDialect { dots: Dots::PlainRemoved, ..way },
                    |way| PathDialect { dots: Dots::Kept, ..way },
                ],
            );
        }
        if self.empty {
            branch(
                &mut ways,
                &[
                    |way| PathDialect { empty: Empty::RemovedLast, ..way },
                    |way| PathDialect { empty: Empty::LeadingRemoved, ..way },
                    |way| PathDialect { empty: Empty::Kept, ..way },
                ],
            );
        }
        if self.trailing {
            branch(&mut ways, &[|way| PathDialect { trims_end: true, ..way }]);
        }
        if self.open_end {
            branch(&mut ways, &[|way| PathDialect { closes_end: true, ..way }]);
        }
        ways
    }

    /// How many bytes it takes to read a path of `length` bytes in all ways.
    pub(super) fn work(self, length: usize) -> usize {
        self.ways().len() * length
    }
}

/// Adds to the ways each of them changed by each of `changes`.
fn branch(ways: &mut Vec<PathDialect>, changes: &[fn(PathDialect) -> PathDialect]) {
    let before = ways.clone();
    for change in changes {
        ways.extend(before.iter().copied().map(change));
    }
}

/// How an upstream takes a path apart.
#[derive(Clone, Copy, Debug, Default)]
struct PathDialect {
    slash: Slash,
    backslash: Backslash,
    /// From `;` on, a segment is parameters.
    parameters: bool,
    dots: Dots,
    empty: Empty,
    /// The first segment behind leading separators is an authority, as `new URL()` and `parse_url`
    /// have it.
    network: bool,
    /// `.`, spaces and line feeds at the end are dropped before anything else: Caddy's matchers
    /// drop the first two, and the `$` of a regular expression does not see the last.
    trims_end: bool,
    /// The slash that a dot segment or an encoded `/` leaves at the end is dropped, as file servers
    /// do.
    closes_end: bool,
}

/// What an encoded `/` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Slash {
    /// A character like any other: Node, Express, Fastify.
    #[default]
    Data,
    /// It separates: nginx, Caddy, Go, PHP.
    First,
    /// It separates, but only after dot segments were removed: `new URL()`, then decoding.
    Last,
}

/// What a `\` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Backslash {
    /// A character like any other.
    #[default]
    Data,
    /// A bare one separates (WHATWG URL §4.4).
    Bare,
    /// An encoded one separates, too: programs that hand the path to Windows.
    Both,
}

/// What becomes of dot segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Dots {
    /// They are removed, whether encoded or not.
    #[default]
    Removed,
    /// Those that are not encoded are removed; decoding comes after.
    PlainRemoved,
    /// They are segments like any other: Express, Flask, Go's `URL.Path`.
    Kept,
}

/// What becomes of empty segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Empty {
    /// They are removed before dot segments are.
    #[default]
    RemovedFirst,
    /// `..` takes one away; those left are removed.
    RemovedLast,
    /// Those in front are removed: WSGI servers.
    LeadingRemoved,
    /// They are segments like any other.
    Kept,
}

/// A segment, decoded.
#[derive(Default)]
struct RawSegment {
    bytes: Vec<u8>,
    /// Some of it was encoded.
    encoded: bool,
}

impl RawSegment {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether it is a dot segment: `Some(true)` for `..`, `Some(false)` for `.`.
    fn dots(&self) -> Option<bool> {
        match self.bytes.as_slice() {
            b".." => Some(true),
            b"." => Some(false),
            _ => None,
        }
    }
}

impl PathDialect {
    /// Every separator is one, and nothing is removed.
    const SEPARATING: Self = Self {
        slash: Slash::First,
        backslash: Backslash::Both,
        parameters: true,
        dots: Dots::Kept,
        empty: Empty::Kept,
        network: false,
        trims_end: false,
        closes_end: false,
    };

    /// The segments of `path`, read this way; at least one.
    fn segments(self, path: &str) -> Vec<Cow<'static, [u8]>> {
        let mut raw = self.raw_segments(path);
        if self.network {
            raw = without_authority(raw);
        }
        if self.trims_end
            && let Some(last) = raw.last_mut()
        {
            let kept = last.bytes.iter().rposition(|byte| !TRIMMED.contains(byte));
            last.bytes.truncate(kept.map_or(0, |at| at + 1));
        }
        let ends_open = raw.last().is_none_or(|last| last.is_empty() || self.removes(last));
        let mut segments = self.without_empty_and_dots(raw);
        // A slash at the end is an empty last segment, and so is what a dot segment leaves there.
        if segments.is_empty() || ends_open && segments.last().is_some_and(|last| !last.is_empty())
        {
            segments.push(RawSegment::default());
        }
        if self.slash == Slash::Last {
            segments = split_at_slashes(segments);
        }
        if self.closes_end {
            while segments.len() > 1 && segments.last().is_some_and(RawSegment::is_empty) {
                segments.pop();
            }
        }
        segments.into_iter().map(|segment| Cow::Owned(segment.bytes)).collect()
    }

    fn without_empty_and_dots(self, mut raw: Vec<RawSegment>) -> Vec<RawSegment> {
        match self.empty {
            Empty::RemovedFirst => raw.retain(|segment| !segment.is_empty()),
            Empty::LeadingRemoved => {
                let leading = raw.iter().take_while(|segment| segment.is_empty()).count();
                raw.drain(..leading);
            }
            Empty::RemovedLast | Empty::Kept => {}
        }
        let mut kept = self.without_dots(raw);
        if self.empty == Empty::RemovedLast {
            kept.retain(|segment| !segment.is_empty());
        }
        kept
    }

    /// RFC 3986 §5.2.4.
    fn without_dots(self, raw: Vec<RawSegment>) -> Vec<RawSegment> {
        let mut kept: Vec<RawSegment> = Vec::with_capacity(raw.len());
        for segment in raw {
            if !self.removes(&segment) {
                kept.push(segment);
            } else if segment.dots() == Some(true) {
                kept.pop();
            }
        }
        kept
    }

    fn removes(self, segment: &RawSegment) -> bool {
        let removed = match self.dots {
            Dots::Removed => true,
            Dots::PlainRemoved => !segment.encoded,
            Dots::Kept => false,
        };
        removed && segment.dots().is_some()
    }

    /// The segments between separators, decoded once.
    fn raw_segments(self, path: &str) -> Vec<RawSegment> {
        let mut segments = Vec::new();
        let mut segment = RawSegment::default();
        let mut rest = path.strip_prefix('/').unwrap_or(path).as_bytes();
        while let Some((byte, encoded, after)) = next_byte(rest) {
            rest = after;
            if self.separates(byte, encoded) {
                segments.push(self.finished(std::mem::take(&mut segment)));
            } else {
                segment.bytes.push(byte);
                segment.encoded |= encoded;
            }
        }
        segments.push(self.finished(segment));
        segments
    }

    fn separates(self, byte: u8, encoded: bool) -> bool {
        match (byte, encoded) {
            (b'/', false) => true,
            (b'/', true) => self.slash == Slash::First,
            (b'\\', false) => self.backslash != Backslash::Data,
            (b'\\', true) => self.backslash == Backslash::Both,
            _ => false,
        }
    }

    fn finished(self, mut segment: RawSegment) -> RawSegment {
        if self.parameters
            && let Some(at) = segment.bytes.iter().position(|byte| *byte == b';')
        {
            segment.bytes.truncate(at);
        }
        segment
    }
}

/// The segments, taken apart once more at the slashes in them, all of which were encoded.
fn split_at_slashes(segments: Vec<RawSegment>) -> Vec<RawSegment> {
    let mut parts = Vec::with_capacity(segments.len());
    for segment in segments {
        let split = segment.bytes.split(|byte| *byte == b'/');
        parts.extend(split.map(|part| RawSegment { bytes: part.to_vec(), encoded: true }));
    }
    parts
}

/// What follows `//host`, however many slashes stand in front of the host. Without them, the path
/// as it is.
fn without_authority(raw: Vec<RawSegment>) -> Vec<RawSegment> {
    if !raw.first().is_some_and(RawSegment::is_empty) {
        return raw;
    }
    let rest = raw.into_iter().skip_while(RawSegment::is_empty).skip(1);
    rest.collect()
}

/// The first byte of `text`, percent-decoded, whether it was encoded, and what follows; a `%` that
/// begins no encoding is itself.
fn next_byte(text: &[u8]) -> Option<(u8, bool, &[u8])> {
    let (first, rest) = text.split_first()?;
    if *first == b'%'
        && let Some(byte) = hex_byte(rest)
    {
        return Some((byte, true, &rest[2..]));
    }
    Some((*first, false, rest))
}

/// The value of the two hexadecimal digits in front of `text`.
pub(super) fn hex_byte(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let value = digit(0)? * 16 + digit(1)?;
    u8::try_from(value).ok()
}

/// `text` percent-decoded once.
pub(super) fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, _, after)) = next_byte(rest) {
        bytes.push(byte);
        rest = after;
    }
    bytes
}

/// Whether `wanted` stands in `path` percent-encoded.
pub(super) fn has_encoded(path: &str, wanted: u8) -> bool {
    let bytes = path.as_bytes();
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    starts.into_iter().any(|(at, _)| hex_byte(&bytes[at + 1..]) == Some(wanted))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The readings as text; a slash that is data is `%2F`.
    fn read(path: &str) -> Vec<String> {
        path_readings(path, Comparison::default()).iter().map(text).collect()
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
        assert_eq!(path_readings("*", Comparison::default())[0].segments, [&b"*"[..]]);
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
            let _ = path_readings(&path, Comparison::default());
        }
    }
}
