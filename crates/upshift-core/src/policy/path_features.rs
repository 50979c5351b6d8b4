//! The parts of a path that upstreams read differently, and the dialects that they call for.

use super::dialect::{Backslash, Dots, Empty, PathDialect, RawSegment, Slash, TRIMMED};
use super::percent::has_encoded;

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

impl PathFeatures {
    /// The features of `path`, with every possible separator taken as one.
    pub(super) fn of_path(path: &str) -> Self {
        let segments = PathDialect::SEPARATING.raw_segments(path);
        let (last, inner) = match segments.as_slice() {
            [inner @ .., last] => (last, inner),
            // `raw_segments` returns at least one.
            [] => return Self::default(),
        };
        // An empty last segment is a slash at the end, which all upstreams read alike.
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
    pub(super) fn all_dialects(self) -> Vec<PathDialect> {
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
    pub(super) fn reading_work(self, length: usize) -> usize {
        self.all_dialects().len() * length
    }
}

/// Adds each of the dialects so far once more for each of `changes`.
fn add_variants(all: &mut Vec<PathDialect>, changes: &[fn(PathDialect) -> PathDialect]) {
    // An upstream may combine its treatments of two features in any way.
    let before = all.clone();
    for change in changes {
        all.extend(before.iter().copied().map(change));
    }
}
