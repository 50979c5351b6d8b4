//! Patterns over segments: of a path between `/`, of a host between `.`.

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// `**`: any number of segments, none included.
    Any,
    /// A text in which each `*` is any run of characters; a lone `*` is any one segment.
    Glob(Box<str>),
    /// `prefix{version}suffix`.
    Capture { prefix: Box<str>, suffix: Box<str> },
}

impl Segment {
    /// Reads a segment that has no `{version}`.
    pub(super) fn parse(text: &str) -> Self {
        if text == "**" { Self::Any } else { Self::Glob(text.into()) }
    }

    /// Whether `text` is of this form, and what it captured.
    fn fits<'t>(&self, text: &'t str) -> Option<Option<&'t str>> {
        match self {
            Self::Any => None,
            Self::Glob(pattern) => glob(pattern, text).then_some(None),
            Self::Capture { prefix, suffix } => {
                let inner = text.strip_prefix(&**prefix)?.strip_suffix(&**suffix)?;
                (!inner.is_empty()).then_some(Some(inner))
            }
        }
    }
}

/// Whether `segments` are of the form `pattern`; if so, what the capture in it caught.
///
/// Greedy with one way back, so that the work is bounded by the product of both lengths.
pub(super) fn matches<'t>(pattern: &[Segment], segments: &[&'t str]) -> Option<Option<&'t str>> {
    let (mut p, mut s) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    let mut captured = None;
    while s < segments.len() {
        if pattern.get(p) == Some(&Segment::Any) {
            p += 1;
            back = Some((p, s));
        } else if let Some(capture) = pattern.get(p).and_then(|segment| segment.fits(segments[s])) {
            captured = capture.or(captured);
            p += 1;
            s += 1;
        } else {
            let (again_p, again_s) = back?;
            p = again_p;
            s = again_s + 1;
            back = Some((p, s));
        }
    }
    pattern[p..].iter().all(|segment| *segment == Segment::Any).then_some(captured)
}

/// Whether `text` is `pattern`, in which each `*` is any run of characters.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, mut rest_pattern)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    while let Some((piece, after)) = rest_pattern.split_once('*') {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
        rest_pattern = after;
    }
    rest.ends_with(rest_pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, path: &str) -> bool {
        let pattern: Vec<_> = pattern.split('/').map(Segment::parse).collect();
        matches(&pattern, &path.split('/').collect::<Vec<_>>()).is_some()
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
        ] {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [("a/*", "a"), ("a/*/c", "a/b/b/c"), ("**/x", "x/y"), ("a*c", "ab"), ("ab*ba", "aba")] {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
    }
}
