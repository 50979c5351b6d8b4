//! The dialects of paths: each way in which an upstream may split one.

use std::borrow::Cow;

use super::percent::next_byte;

/// Bytes that some upstreams ignore at the end of a path.
pub(super) const TRIMMED: &[u8] = b". \n";

/// One way to split a path. The default is RFC 3986 alone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PathDialect {
    pub(super) slash: Slash,
    pub(super) backslash: Backslash,
    /// The part of a segment from `;` on is parameters.
    pub(super) parameters: bool,
    pub(super) dots: Dots,
    pub(super) empty: Empty,
    /// The first segment after leading separators is an authority, as for `new URL()` and
    /// `parse_url`.
    pub(super) network: bool,
    /// `.`, spaces and line feeds at the end are dropped before anything else: Caddy's matchers
    /// drop the first two, and the `$` of a regular expression ignores the last.
    pub(super) trims_end: bool,
    /// The slash that a dot segment or an encoded `/` leaves at the end is dropped, as file servers
    /// do.
    pub(super) closes_end: bool,
}

/// The meaning of an encoded `/`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Slash {
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
pub(super) enum Backslash {
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
pub(super) enum Dots {
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
pub(super) enum Empty {
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
pub(super) struct RawSegment {
    pub(super) bytes: Vec<u8>,
    /// Some of it was encoded.
    encoded: bool,
}

impl PathDialect {
    /// Takes every possible separator as one, and removes nothing.
    pub(super) const SEPARATING: Self = Self {
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
            Some(last) => last.is_empty() || self.removes_segment(last),
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
            // One segment stays: it is the root.
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
            if !self.removes_segment(&segment) {
                kept.push(segment);
            } else if segment.bytes == b".." {
                // At the root, `..` removes nothing.
                kept.pop();
            }
        }
        kept
    }

    fn removes_segment(self, segment: &RawSegment) -> bool {
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
    pub(super) fn raw_segments(self, path: &str) -> Vec<RawSegment> {
        let mut segments = Vec::new();
        let mut segment = RawSegment::default();
        // Decoding while splitting keeps an encoded separator apart from a bare one.
        let mut rest = path.strip_prefix('/').unwrap_or(path).as_bytes();
        while let Some((byte, encoded, after)) = next_byte(rest) {
            rest = after;
            if self.is_separator(byte, encoded) {
                segments.push(self.cut_parameters(std::mem::take(&mut segment)));
            } else {
                segment.bytes.push(byte);
                segment.encoded |= encoded;
            }
        }
        segments.push(self.cut_parameters(segment));
        segments
    }

    fn is_separator(self, byte: u8, encoded: bool) -> bool {
        match (byte, encoded) {
            (b'/', false) => true,
            (b'/', true) => self.slash == Slash::First,
            (b'\\', false) => self.backslash != Backslash::Data,
            (b'\\', true) => self.backslash == Backslash::Both,
            _ => false,
        }
    }

    fn cut_parameters(self, mut segment: RawSegment) -> RawSegment {
        // RFC 3986 §3.3 leaves `;` to the producer of the URI; Tomcat and its kin end the segment
        // there.
        if self.parameters
            && let Some(at) = segment.bytes.iter().position(|byte| *byte == b';')
        {
            segment.bytes.truncate(at);
        }
        segment
    }
}

impl RawSegment {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns true for `.` and `..`.
    pub(super) fn is_dots(&self) -> bool {
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
