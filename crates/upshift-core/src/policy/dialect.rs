//! The dialects of paths: what in a path upstreams read differently, and each way to read it.

use std::borrow::Cow;

use super::percent::{has_encoded, next_byte};

/// Bytes that some upstreams ignore at the end of a path.
const TRIMMED: &[u8] = b". \n";

/// The parts of a path that have several readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PathFeatures {
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
    /// An end that some read as a slash: a dot segment or an encoded `/`.
    open_end: bool,
}

/// One way to split a path. The default is RFC 3986 alone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PathDialect {
    slash: Slash,
    backslash: Backslash,
    /// The part of a segment from `;` on is parameters.
    parameters: bool,
    dots: Dots,
    empty: Empty,
    /// The first segment after leading separators is an authority, as for `new URL()` and
    /// `parse_url`.
    network: bool,
    /// `.`, spaces and line feeds at the end are dropped before anything else: Caddy's matchers
    /// drop the first two, and the `$` of a regular expression ignores the last.
    trims_end: bool,
    /// The slash that a dot segment or an encoded `/` leaves at the end is dropped, as file servers
    /// do.
    closes_end: bool,
}

/// The meaning of an encoded `/`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Slash {
    /// A character like any other: Node, Express, Fastify.
    #[default]
    Data,
    /// A separator: nginx, Caddy, Go, PHP.
    First,
    /// A separator, but only after dot segments were removed: `new URL()`, then decoding.
    Last,
}

/// The meaning of a `\`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Backslash {
    /// A character like any other.
    #[default]
    Data,
    /// A bare one separates (WHATWG URL §4.4).
    Bare,
    /// An encoded one separates, too: programs that pass the path to Windows.
    Both,
}

/// The treatment of dot segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Dots {
    /// They are removed, encoded or not.
    #[default]
    Removed,
    /// Those that are not encoded are removed; decoding comes after.
    PlainRemoved,
    /// They are segments like any other: Express, Flask, Go's `URL.Path`.
    Kept,
}

/// The treatment of empty segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Empty {
    /// They are removed before dot segments are.
    #[default]
    RemovedFirst,
    /// `..` removes one like any other segment; those left are removed after.
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

impl PathFeatures {
    /// The features of `path`, with every possible separator taken as one.
    pub(super) fn of_path(path: &str) -> Self {
        let segments = PathDialect::SEPARATING.raw_segments(path);
        let (last, inner) = match segments.as_slice() {
            [inner @ .., last] => (last, inner),
            [] => return Self::default(),
        };
        let ends_open = last.is_empty() || last.is_dots();
        Self {
            slash: has_encoded(path, b'/'),
            backslash: path.contains('\\'),
            encoded_backslash: has_encoded(path, b'\\'),
            parameters: path.contains(';') || has_encoded(path, b';'),
            empty: inner.iter().any(RawSegment::is_empty),
            dots: segments.iter().any(RawSegment::is_dots),
            network: matches!(inner, [first, ..] if first.is_empty()),
            trailing: matches!(last.bytes.as_slice(), [.., byte] if TRIMMED.contains(byte)),
            open_end: ends_open && !path.ends_with('/'),
        }
    }

    /// Every way to read a path with these features, the plainest first: RFC 3986 alone.
    pub(super) fn dialects(self) -> Vec<PathDialect> {
        let mut all = vec![PathDialect::default()];
        if self.slash {
            add_variants(
                &mut all,
                &[
                    |dialect| PathDialect { slash: Slash::First, ..dialect },
                    |dialect| PathDialect { slash: Slash::Last, ..dialect },
                ],
            );
        }
        if self.encoded_backslash {
            add_variants(
                &mut all,
                &[
                    |dialect| PathDialect { backslash: Backslash::Bare, ..dialect },
                    |dialect| PathDialect { backslash: Backslash::Both, ..dialect },
                ],
            );
        } else if self.backslash {
            add_variants(
                &mut all,
                &[|dialect| PathDialect { backslash: Backslash::Bare, ..dialect }],
            );
        }
        if self.parameters {
            add_variants(&mut all, &[|dialect| PathDialect { parameters: true, ..dialect }]);
        }
        if self.network {
            add_variants(&mut all, &[|dialect| PathDialect { network: true, ..dialect }]);
        }
        self.add_removals(&mut all);
        all
    }

    /// Adds the variants that differ in what they remove.
    fn add_removals(self, all: &mut Vec<PathDialect>) {
        if self.dots {
            add_variants(
                all,
                &[
                    |dialect| PathDialect { dots: Dots::PlainRemoved, ..dialect },
                    |dialect| PathDialect { dots: Dots::Kept, ..dialect },
                ],
            );
        }
        if self.empty {
            add_variants(
                all,
                &[
                    |dialect| PathDialect { empty: Empty::RemovedLast, ..dialect },
                    |dialect| PathDialect { empty: Empty::LeadingRemoved, ..dialect },
                    |dialect| PathDialect { empty: Empty::Kept, ..dialect },
                ],
            );
        }
        if self.trailing {
            add_variants(all, &[|dialect| PathDialect { trims_end: true, ..dialect }]);
        }
        if self.open_end {
            add_variants(all, &[|dialect| PathDialect { closes_end: true, ..dialect }]);
        }
    }

    /// The bytes that are processed to read a path of `length` bytes in all ways.
    pub(super) fn work(self, length: usize) -> usize {
        self.dialects().len() * length
    }
}

/// Adds each of the dialects so far once more for each of `changes`.
fn add_variants(all: &mut Vec<PathDialect>, changes: &[fn(PathDialect) -> PathDialect]) {
    let before = all.clone();
    for change in changes {
        all.extend(before.iter().copied().map(change));
    }
}

impl PathDialect {
    /// Takes every possible separator as one, and removes nothing.
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

    /// The segments of `path`, read in this way; at least one.
    pub(super) fn split_segments(self, path: &str) -> Vec<Cow<'static, [u8]>> {
        let mut raw = self.raw_segments(path);
        if self.network {
            remove_authority(&mut raw);
        }
        if self.trims_end {
            trim_end(&mut raw);
        }
        let ends_open = match raw.last() {
            Some(last) => last.is_empty() || self.removes(last),
            None => true,
        };
        let mut segments = self.remove_empty_and_dots(raw);
        // A slash at the end is an empty last segment, and a dot segment leaves one there, too.
        let is_open = matches!(segments.last(), Some(last) if last.is_empty());
        if segments.is_empty() || ends_open && !is_open {
            segments.push(RawSegment::default());
        }
        if self.slash == Slash::Last {
            segments = split_at_slashes(segments);
        }
        if self.closes_end {
            while let [_, .., last] = segments.as_slice()
                && last.is_empty()
            {
                segments.pop();
            }
        }
        segments.into_iter().map(|segment| Cow::Owned(segment.bytes)).collect()
    }

    fn remove_empty_and_dots(self, mut raw: Vec<RawSegment>) -> Vec<RawSegment> {
        match self.empty {
            Empty::RemovedFirst => raw.retain(|segment| !segment.is_empty()),
            Empty::LeadingRemoved => {
                let leading = raw.iter().position(|segment| !segment.is_empty());
                raw.drain(..leading.unwrap_or(raw.len()));
            }
            Empty::RemovedLast | Empty::Kept => {}
        }
        let mut kept = self.remove_dots(raw);
        if self.empty == Empty::RemovedLast {
            kept.retain(|segment| !segment.is_empty());
        }
        kept
    }

    /// RFC 3986 §5.2.4.
    fn remove_dots(self, raw: Vec<RawSegment>) -> Vec<RawSegment> {
        let mut kept: Vec<RawSegment> = Vec::with_capacity(raw.len());
        for segment in raw {
            if !self.removes(&segment) {
                kept.push(segment);
            } else if segment.bytes == b".." {
                kept.pop();
            }
        }
        kept
    }

    fn removes(self, segment: &RawSegment) -> bool {
        if !segment.is_dots() {
            return false;
        }
        match self.dots {
            Dots::Removed => true,
            Dots::PlainRemoved => !segment.encoded,
            Dots::Kept => false,
        }
    }

    /// The segments between separators, decoded once.
    fn raw_segments(self, path: &str) -> Vec<RawSegment> {
        let mut segments = Vec::new();
        let mut segment = RawSegment::default();
        let mut rest = path.strip_prefix('/').unwrap_or(path).as_bytes();
        while let Some((byte, encoded, after)) = next_byte(rest) {
            rest = after;
            if self.separates(byte, encoded) {
                segments.push(self.cut_parameters(std::mem::take(&mut segment)));
            } else {
                segment.bytes.push(byte);
                segment.encoded |= encoded;
            }
        }
        segments.push(self.cut_parameters(segment));
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

    fn cut_parameters(self, mut segment: RawSegment) -> RawSegment {
        if self.parameters
            && let Some(at) = segment.bytes.iter().position(|byte| *byte == b';')
        {
            segment.bytes.truncate(at);
        }
        segment
    }
}

impl RawSegment {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns true for `.` and `..`.
    fn is_dots(&self) -> bool {
        matches!(self.bytes.as_slice(), b"." | b"..")
    }
}

/// Splits the segments again at the slashes in them, all of which were encoded.
fn split_at_slashes(segments: Vec<RawSegment>) -> Vec<RawSegment> {
    let mut parts = Vec::with_capacity(segments.len());
    for segment in segments {
        for part in segment.bytes.split(|byte| *byte == b'/') {
            parts.push(RawSegment { bytes: part.to_vec(), encoded: true });
        }
    }
    parts
}

/// Removes `//host` in front, however many slashes it begins with.
fn remove_authority(raw: &mut Vec<RawSegment>) {
    if !matches!(raw.first(), Some(first) if first.is_empty()) {
        return;
    }
    match raw.iter().position(|segment| !segment.is_empty()) {
        Some(host) => drop(raw.drain(..=host)),
        None => raw.clear(),
    }
}

/// Removes [`TRIMMED`] from the end of the last segment.
fn trim_end(raw: &mut [RawSegment]) {
    let [.., last] = raw else { return };
    while let [.., byte] = last.bytes.as_slice()
        && TRIMMED.contains(byte)
    {
        last.bytes.pop();
    }
}
