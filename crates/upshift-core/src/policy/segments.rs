//! Patterns over segments: of a path between `/`, of a host between `.`.
//!
//! Segments are bytes: a path is compared percent-decoded, and the result need not be UTF-8.

use std::borrow::Cow;

/// The comparison of letters of either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Case {
    /// `A` is not `a`.
    #[default]
    Exact,
    /// `A` is `a`.
    Ignore,
}

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// `**`: any number of segments, none included.
    Any,
    /// A text in which each `*` is any run of characters; a lone `*` is any one segment.
    Glob(Glob),
    /// `prefix{version}suffix`.
    Capture { prefix: Box<[u8]>, suffix: Box<[u8]> },
}

/// The texts between the `*` of a pattern, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    pieces: Box<[Box<[u8]>]>,
    /// The same in lower case.
    lower: Box<[Box<[u8]>]>,
}

impl Glob {
    /// Reads a pattern; `decode` turns the text between two `*` into bytes.
    pub(super) fn parse_with(text: &str, decode: impl Fn(&str) -> Vec<u8>) -> Self {
        let pieces: Box<[Box<[u8]>]> = text.split('*').map(|piece| decode(piece).into()).collect();
        let lower = pieces.iter().map(|piece| lower_case(piece).into()).collect();
        Self { pieces, lower }
    }

    /// Reads a pattern in which every character but `*` stands for itself.
    pub(super) fn parse(text: &str) -> Self {
        Self::parse_with(text, |piece| piece.as_bytes().to_vec())
    }

    /// The whole text, if it has no `*`.
    pub(super) fn literal(&self) -> Option<&[u8]> {
        match &*self.pieces {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Returns true if the pattern is a lone `*`.
    pub(super) fn is_any(&self) -> bool {
        matches!(&*self.pieces, [head, tail] if head.is_empty() && tail.is_empty())
    }

    /// The shortest text that matches.
    pub(super) fn example(&self) -> String {
        String::from_utf8_lossy(&self.pieces.concat()).into_owned()
    }

    /// Returns true if `text` matches the pattern.
    pub(super) fn matches(&self, text: &[u8], case: Case) -> bool {
        match_pieces(self.pieces_in(case), &fold_case(text, case))
    }

    /// The pieces as they are compared.
    fn pieces_in(&self, case: Case) -> &[Box<[u8]>] {
        match case {
            Case::Exact => &self.pieces,
            Case::Ignore => &self.lower,
        }
    }
}

fn match_pieces(pieces: &[Box<[u8]>], text: &[u8]) -> bool {
    let (head, middle, tail) = match pieces {
        // A glob has at least one piece.
        [] => return false,
        [only] => return **only == *text,
        [head, middle @ .., tail] => (head, middle, tail),
    };
    let Some(mut rest) = text.strip_prefix(&**head) else { return false };
    // The leftmost place of each piece leaves the most text for the next, so none is tried twice.
    for piece in middle {
        match find_bytes(rest, piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(tail)
}

/// The text as it is compared.
pub(super) fn fold_case(text: &[u8], case: Case) -> Cow<'_, [u8]> {
    match case {
        Case::Exact => Cow::Borrowed(text),
        Case::Ignore => lower_case(text),
    }
}

/// The text in lower case, one character for one, as Go and JavaScript compare paths without case.
fn lower_case(text: &[u8]) -> Cow<'_, [u8]> {
    let Ok(text) = std::str::from_utf8(text) else { return Cow::Owned(text.to_ascii_lowercase()) };
    // Most paths are in lower case already, and are not copied.
    if !text.contains(|c: char| c.is_ascii_uppercase() || !c.is_ascii()) {
        return Cow::Borrowed(text.as_bytes());
    }
    let lower: String = text.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect();
    Cow::Owned(lower.into_bytes())
}

impl Segment {
    /// Reads a segment without `{version}`; `decode` turns the text between two `*` into bytes.
    pub(super) fn parse_with(text: &str, decode: impl Fn(&str) -> Vec<u8>) -> Self {
        if text == "**" { Self::Any } else { Self::Glob(Glob::parse_with(text, decode)) }
    }

    /// The text of the segment, if it has no `*`.
    pub(super) fn literal(&self) -> Option<&[u8]> {
        match self {
            Self::Glob(glob) => glob.literal(),
            Self::Any | Self::Capture { .. } => None,
        }
    }

    /// The same as it is compared with a text whose case is folded.
    pub(super) fn literal_in(&self, case: Case) -> Option<&[u8]> {
        let Self::Glob(glob) = self else { return None };
        match glob.pieces_in(case) {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Returns true if the segment contains `byte`.
    pub(super) fn contains(&self, byte: u8) -> bool {
        match self {
            Self::Any => false,
            Self::Glob(Glob { pieces, .. }) => pieces.iter().any(|piece| piece.contains(&byte)),
            Self::Capture { prefix, suffix } => prefix.contains(&byte) || suffix.contains(&byte),
        }
    }

    /// The text that the segment captures in `text`, if it matches one segment: `Some(None)` for a
    /// match without a capture.
    pub(super) fn match_one<'t>(&self, text: &'t [u8], case: Case) -> Option<Option<&'t [u8]>> {
        match self {
            Self::Any => None,
            Self::Glob(glob) if glob.matches(text, case) => Some(None),
            Self::Glob(_) => None,
            Self::Capture { prefix, suffix } => {
                let after = strip_prefix(text, prefix, case)?;
                let captured = strip_suffix(after, suffix, case)?;
                if captured.is_empty() { None } else { Some(Some(captured)) }
            }
        }
    }
}

/// Matches `segments` against `pattern`; if they fit, the text that its capture caught.
pub(super) fn match_segments<'t, S: AsRef<[u8]>>(
    pattern: &[Segment],
    segments: &'t [S],
    case: Case,
) -> Option<Option<&'t [u8]>> {
    let (mut p, mut s) = (0, 0);
    // Only the last `**` is returned to, so that the work is bounded by the product of both
    // lengths.
    let mut back: Option<(usize, usize)> = None;
    let mut captured = None;
    while let Some(text) = segments.get(s) {
        let segment = pattern.get(p);
        if segment == Some(&Segment::Any) {
            p += 1;
            // Everything matches a pattern that ends in `**`: a long path is not walked to its end.
            if p == pattern.len() {
                return Some(captured);
            }
            back = Some((p, s));
        } else if let Some(segment) = segment
            && let Some(capture) = segment.match_one(text.as_ref(), case)
        {
            captured = capture.or(captured);
            p += 1;
            s += 1;
        } else {
            let (back_p, back_s) = back?;
            p = back_p;
            s = back_s + 1;
            back = Some((p, s));
        }
    }
    let rest_is_any = pattern[p..].iter().all(|segment| *segment == Segment::Any);
    if rest_is_any { Some(captured) } else { None }
}

/// The text after `prefix`; only ASCII letters may differ in case.
fn strip_prefix<'t>(text: &'t [u8], prefix: &[u8], case: Case) -> Option<&'t [u8]> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    if are_equal(head, prefix, case) { Some(rest) } else { None }
}

/// The text before `suffix`.
fn strip_suffix<'t>(text: &'t [u8], suffix: &[u8], case: Case) -> Option<&'t [u8]> {
    let (rest, tail) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    if are_equal(tail, suffix, case) { Some(rest) } else { None }
}

fn are_equal(a: &[u8], b: &[u8], case: Case) -> bool {
    match case {
        Case::Exact => a == b,
        Case::Ignore => a.eq_ignore_ascii_case(b),
    }
}

/// The first place of `piece` in `text`.
fn find_bytes(text: &[u8], piece: &[u8]) -> Option<usize> {
    // `windows` panics at a size of 0.
    if piece.is_empty() {
        return Some(0);
    }
    text.windows(piece.len()).position(|window| window == piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, path: &str) -> bool {
        let decode = |piece: &str| piece.as_bytes().to_vec();
        let pattern: Vec<_> =
            pattern.split('/').map(|segment| Segment::parse_with(segment, decode)).collect();
        match_segments(&pattern, &path.split('/').collect::<Vec<_>>(), Case::Exact).is_some()
    }

    #[test]
    fn stars() {
        for (pattern, path) in [
            ("a/**", "a"),
            ("a/**", "a/b/c"),
            ("**", ""),
            ("**/x", "x"),
            ("**/x", "a/b/x"),
            ("a/*/c", "a/b/c"),
            ("**/b/**/d", "a/b/b/c/d"),
            ("v*", "v12"),
            ("a*c*e", "abcde"),
            ("a**", "a"),
        ] {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in
            [("a/*", "a"), ("a/*/c", "a/b/b/c"), ("**/x", "x/y"), ("a*c", "ab"), ("ab*ba", "aba")]
        {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn case_is_ignored_where_that_is_asked() {
        let glob = Glob::parse("Chat*X");
        assert!(
            glob.matches(b"cHAT-room-x", Case::Ignore)
                && !glob.matches(b"cHAT-room-x", Case::Exact)
        );
        // The capital I with a dot and the Kelvin sign, which Caddy reads as `i` and `k`.
        assert!(Glob::parse("api/k").matches("AP\u{130}/\u{212a}".as_bytes(), Case::Ignore));
        assert!(Glob::parse("CAFÉ").matches("café".as_bytes(), Case::Ignore));
    }
}
