//! Patterns over paths.
//!
//! 1. A pattern is percent-decoded once, like the path that it is compared with: `/p@q` and
//!    `/p%40q`, `/café` and `/caf%C3%A9` are the same pattern.
//! 2. `//` in a pattern is merged, and its dot segments are removed (RFC 3986 §6.2.2.3).
//! 3. Case and a trailing slash count, unless the policy says otherwise
//!    ([`Comparison`](super::Comparison)).

use std::borrow::Cow;
use std::fmt;

use super::percent::percent_decode;
use super::reading::{Comparison, PathReading};
use super::segments::{Segment, match_segments};

/// A pattern such as `/account/**`.
#[derive(Clone, Debug)]
pub struct PathPattern {
    text: Box<str>,
    segments: Box<[Segment]>,
}

/// A pattern with one `{version}`, such as `/api/v{version}/**`.
#[derive(Clone, Debug)]
pub struct PathTemplate(PathPattern);

/// The fault of a text that is not a path pattern.
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
    /// Reads a pattern: `*` is one segment or a run of characters in one, `**` any number of
    /// segments.
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
        let mut segments: Vec<Segment> = Vec::new();
        let mut ends_open = true;
        for part in text[1..].split('/') {
            ends_open = true;
            match percent_decode(part).as_slice() {
                b"" | b"." => {}
                // RFC 3986 §5.2.4: at the root, `..` removes nothing.
                b".." => drop(segments.pop()),
                _ => {
                    segments.push(parse_segment(part)?);
                    ends_open = false;
                }
            }
        }
        // `/a/` and `/a/.` end in an empty segment, like the paths that they match.
        if ends_open {
            segments.push(Segment::parse_with("", percent_decode));
        }
        Ok(Self { text: text.into(), segments: segments.into() })
    }

    /// The path `text` itself: a `*` in it is a character like any other.
    pub(super) fn literal(text: &str) -> Option<Self> {
        let path = text.split(['?', '#']).next().unwrap_or_default();
        // In an address `*` is data. Encoded, it does not become a star of the pattern.
        let pattern = Self::parse(&path.replace('*', "%2A")).ok()?;
        Some(Self { text: text.into(), ..pattern })
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns true if the path, in this reading, matches the pattern.
    pub fn matches(&self, path: &PathReading<'_>) -> bool {
        self.match_path(path).is_some()
    }

    /// Returns true if the pattern names a single path: it has no star.
    pub fn is_literal(&self) -> bool {
        self.segments.iter().all(|segment| segment.literal().is_some())
    }

    /// Returns true if the first segment is `name`.
    pub(super) fn begins_with(&self, name: &[u8]) -> bool {
        match &*self.segments {
            [first, ..] => first.literal() == Some(name),
            // `parse` leaves at least one segment.
            [] => false,
        }
    }

    /// The reason why no request can match, if none can. `strict`: ambiguous paths are refused
    /// before the policy sees them.
    pub fn never_matches(&self, strict: bool) -> Option<&'static str> {
        if self.contains(0) {
            return Some("a path with a NUL is always refused with 400");
        }
        let is_ambiguous = self.contains(b'/') || self.contains(b'\\') || self.contains(b';');
        // Every path that the pattern matches has the same character, bare or encoded.
        if strict && is_ambiguous {
            return Some("paths = \"strict\" refuses `%2F`, `\\` and `;` with 400");
        }
        None
    }

    /// Returns true if every path that matches `other` also matches this pattern, as far as that
    /// is plain from their texts.
    pub fn covers(&self, other: &Self) -> bool {
        match &*self.segments {
            [fixed @ .., Segment::Any] => other.segments.starts_with(fixed),
            whole => *whole == *other.segments,
        }
    }

    fn contains(&self, byte: u8) -> bool {
        self.segments.iter().any(|segment| segment.contains(byte))
    }

    /// Matches the path; if it fits, the text that the capture caught.
    fn match_path<'p>(&self, path: &'p PathReading<'_>) -> Option<Option<&'p [u8]>> {
        let pattern = self.compared_segments(path.comparison);
        match_segments(pattern, path.compared_segments(), path.comparison.case)
    }

    /// The segments that take part in this comparison.
    pub(super) fn compared_segments(&self, comparison: Comparison) -> &[Segment] {
        match &*self.segments {
            // A trailing slash is an empty last segment; `/` itself is nothing else.
            [rest @ .., last]
                if comparison.ignore_trailing_slash
                    && last.literal() == Some(b"")
                    && !rest.is_empty() =>
            {
                rest
            }
            all => all,
        }
    }
}

impl PathTemplate {
    /// Reads a pattern with `{version}` in one of its segments.
    ///
    /// # Errors
    /// As [`PathPattern::parse`], and if it does not contain `{version}` exactly once.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.matches("{version}").count() != 1 {
            return Err(PathError::Version);
        }
        PathPattern::parse(text).map(Self)
    }

    /// The text in the place of `{version}` in `path`, if the path matches.
    pub fn capture<'p>(&self, path: &'p PathReading<'_>) -> Option<Cow<'p, str>> {
        let captured = self.0.match_path(path)??;
        Some(String::from_utf8_lossy(captured))
    }

    /// The template as it was written.
    pub fn text(&self) -> &str {
        &self.0.text
    }
}

fn parse_segment(text: &str) -> Result<Segment, PathError> {
    if text != "**" && text.contains("**") {
        return Err(PathError::Stars);
    }
    let Some((prefix, suffix)) = text.split_once("{version}") else {
        return Ok(Segment::parse_with(text, percent_decode));
    };
    Ok(Segment::Capture {
        prefix: percent_decode(prefix).into(),
        suffix: percent_decode(suffix).into(),
    })
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSlash => "a path pattern begins with \"/\"",
            Self::Query => {
                "the query takes no part in matching; leave out what follows \"?\" or \"#\""
            }
            Self::Stars => "\"**\" stands alone between two \"/\"",
            Self::Version => {
                "the template needs \"{version}\" exactly once, such as /api/v{version}/**"
            }
        })
    }
}

impl std::error::Error for PathError {}

#[cfg(test)]
mod tests {
    use super::super::reading::PathReadings;
    use super::super::segments::Case;
    use super::*;

    fn matches_with(comparison: Comparison, pattern: &str, path: &str) -> bool {
        let pattern = PathPattern::parse(pattern);
        pattern.is_ok_and(|pattern| {
            PathReadings::of_path(path, comparison).iter().any(|reading| pattern.matches(reading))
        })
    }

    fn fits(pattern: &str, path: &str) -> bool {
        matches_with(Comparison::default(), pattern, path)
    }

    fn captured(template: &PathTemplate, path: &str) -> Option<String> {
        template
            .capture(&PathReadings::of_path(path, Comparison::default()).plainest)
            .map(Cow::into_owned)
    }

    #[test]
    fn templates_capture() -> Result<(), PathError> {
        let template = PathTemplate::parse("/api/v{version}/**")?;
        assert_eq!(captured(&template, "/api/v2.1/orders").as_deref(), Some("2.1"));
        assert_eq!(captured(&template, "/api/v2").as_deref(), Some("2"));
        assert_eq!(captured(&template, "/api/v2%2e1/x").as_deref(), Some("2.1"));
        assert_eq!(captured(&template, "/api/v/orders"), None);
        assert_eq!(PathTemplate::parse("/api/**").err(), Some(PathError::Version));
        assert_eq!(PathPattern::parse("/a/b**").err(), Some(PathError::Stars));
        Ok(())
    }

    /// Pattern and path are decoded once, both of them.
    #[test]
    fn spellings_of_one_path_fit_spellings_of_one_pattern() {
        for pattern in ["/p@q/**", "/p%40q/**", "/%70%40q/**"] {
            for path in ["/p@q/x", "/p%40q/x", "/%70@q/x"] {
                assert!(fits(pattern, path), "{pattern} {path}");
            }
        }
        for pattern in ["/café/**", "/caf%C3%A9/**", "/caf%c3%a9/**"] {
            for path in ["/café/x", "/caf%C3%A9/x", "/c%61f%c3%a9/x"] {
                assert!(fits(pattern, path), "{pattern} {path}");
            }
        }
        assert!(fits("/a%2A", "/a*") && !fits("/a%2A", "/ab"));
        assert!(fits("/a%2Fb", "/a%2fb") && !fits("/a%2Fb", "/a/b"));
        assert!(fits("/a/../b//c/", "/b/c/") && !fits("/a/", "/a"));
    }

    #[test]
    fn case_and_a_trailing_slash_count_unless_they_are_ignored() {
        let loose = Comparison { case: Case::Ignore, ignore_trailing_slash: true };
        for path in ["/chat", "/chat/", "/CHAT", "/Chat/"] {
            assert!(
                matches_with(loose, "/chat", path) && matches_with(loose, "/chat/", path),
                "{path}"
            );
            assert_eq!(fits("/chat", path), path == "/chat");
        }
        assert!(matches_with(loose, "/", "/") && !matches_with(loose, "/", "/a"));
    }

    #[test]
    fn a_pattern_that_takes_all_away_is_seen() -> Result<(), PathError> {
        let covers =
            |all: &str, one: &str| Ok(PathPattern::parse(all)?.covers(&PathPattern::parse(one)?));
        assert!(
            covers("/**", "/a")?
                && covers("/z/**", "/z/**")?
                && covers("/z/**", "/z")?
                && covers("/a", "/a")?
        );
        assert!(!covers("/a", "/**")? && !covers("/a/*", "/a/b/c")?);
        Ok(())
    }
}
