//! The canonical form of a path, and what in a path upstreams read differently.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;

use super::path_features::PathFeatures;
use super::percent::{has_encoded, has_stray_percent, hex_byte};
use super::reading::MAX_WORK;

/// A part of a path that has more than one reading. Its text goes into the answer to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ambiguity {
    /// `//host/path`.
    Network,
    /// `.` or `..` between two slashes, bare or encoded.
    DotSegment,
    /// `//`.
    EmptySegment,
    /// `\`, bare or encoded.
    Backslash,
    /// `%2F`.
    EncodedSlash,
    /// `;parameters`.
    Parameters,
    /// A `%` without two hexadecimal digits.
    Encoding,
}

/// The first part of `path` that has more than one reading; `None` for a path that all upstreams
/// read alike.
pub fn ambiguity(path: &str) -> Option<Ambiguity> {
    // The asterisk form (RFC 9112 §3.2.4) has one reading.
    if !path.starts_with('/') {
        return None;
    }
    let found = PathFeatures::of_path(path);
    if found.network {
        Some(Ambiguity::Network)
    } else if found.dots {
        Some(Ambiguity::DotSegment)
    } else if found.backslash || found.encoded_backslash {
        Some(Ambiguity::Backslash)
    } else if found.slash {
        Some(Ambiguity::EncodedSlash)
    } else if found.parameters {
        Some(Ambiguity::Parameters)
    } else if found.empty {
        Some(Ambiguity::EmptySegment)
    } else if has_stray_percent(path) {
        Some(Ambiguity::Encoding)
    } else {
        None
    }
}

/// The reason why no decision can be made on a path, in words for the client that sent it; `None`
/// if one can.
pub fn why_undecidable(path: &str) -> Option<&'static str> {
    if has_nul(path) {
        return Some("The path contains a NUL.");
    }
    if is_too_ambiguous(path) {
        return Some("The path is too long for the number of ways in which it can be read.");
    }
    None
}

/// Returns true if a path is too long for the number of ways in which it can be read.
pub fn is_too_ambiguous(path: &str) -> bool {
    // There are at most 1,728 dialects, so 32 bytes cannot cause more work than `MAX_WORK`. Most
    // paths are as short as that.
    path.len() > 32
        && path.starts_with('/')
        && PathFeatures::of_path(path).reading_work(path.len()) > MAX_WORK
}

/// Returns true if the path contains a NUL, plain or encoded: no honest client sends one, and
/// programs in C stop reading there.
pub fn has_nul(path: &str) -> bool {
    path.contains('\0') || has_encoded(path, 0)
}

/// The path in canonical form: unreserved characters decoded, other encodings in upper case,
/// non-ASCII characters encoded (RFC 3986 §6.2.2.1, §6.2.2.2), `//` merged and dot segments removed
/// (§6.2.2.3).
///
/// An encoded `/`, a `\` and `;parameters` stay: whether they separate is up to the upstream.
pub fn canonical(path: &str) -> Cow<'_, str> {
    // Nearly every path is canonical already, and is not copied.
    let is_simple =
        !path.contains("//") && !path.contains("/.") && !path.contains('%') && path.is_ascii();
    if is_simple || !path.starts_with('/') {
        return Cow::Borrowed(path);
    }
    let spelled = normalize_encodings(path);
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_open = true;
    for segment in spelled[1..].split('/') {
        ends_open = true;
        match segment {
            "" | "." => {}
            // RFC 3986 §5.2.4: at the root, `..` removes nothing.
            ".." => drop(kept.pop()),
            segment => {
                kept.push(segment);
                ends_open = false;
            }
        }
    }
    let end = if ends_open && !kept.is_empty() { "/" } else { "" };
    Cow::Owned(format!("/{}{end}", kept.join("/")))
}

fn normalize_encodings(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        // A `%` without two digits is kept: what it was meant to be is unknown.
        let encoded = if *first == b'%' { hex_byte(tail) } else { None };
        match encoded {
            Some(byte) if is_unreserved(byte) => text.push(char::from(byte)),
            Some(byte) => push_encoded(&mut text, byte),
            None if first.is_ascii() => text.push(char::from(*first)),
            None => push_encoded(&mut text, *first),
        }
        if encoded.is_some() {
            rest = &tail[2..];
        }
    }
    text
}

fn push_encoded(text: &mut String, byte: u8) {
    // Writing into a string cannot fail.
    let _ = write!(text, "%{byte:02X}");
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

impl fmt::Display for Ambiguity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "the path begins with \"//\"",
            Self::DotSegment => "the path has a segment \".\" or \"..\"",
            Self::EmptySegment => "the path has an empty segment (\"//\")",
            Self::Backslash => "the path has a backslash",
            Self::EncodedSlash => "the path has an encoded slash (\"%2F\")",
            Self::Parameters => "the path has parameters (\";\")",
            Self::Encoding => "the path has a \"%\" without two hexadecimal digits",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::reading::{Comparison, PathReadings};
    use super::*;

    #[test]
    fn canonical_forms() {
        for (sent, want) in [
            ("/a/b", "/a/b"),
            ("//a///b", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/%61%2e%2E/x", "/a../x"),
            ("/a/%2e%2e/b", "/b"),
            ("/a%2fb", "/a%2Fb"),
            ("/caf\u{e9}", "/caf%C3%A9"),
            ("/%c3%a9", "/%C3%A9"),
            ("/100%", "/100%"),
            ("/a%zz", "/a%zz"),
            ("*", "*"),
            ("/x/..", "/"),
            ("/x/y/..", "/x/"),
        ] {
            assert_eq!(canonical(sent), want, "{sent}");
        }
    }

    #[test]
    fn ambiguities_are_named() {
        for (path, want) in [
            ("/a/b%40c", None),
            ("/", None),
            ("/a/", None),
            ("/...", None),
            ("//x/a", Some(Ambiguity::Network)),
            ("/a/../b", Some(Ambiguity::DotSegment)),
            ("/a/%2E", Some(Ambiguity::DotSegment)),
            ("/a//b", Some(Ambiguity::EmptySegment)),
            ("/a\\b", Some(Ambiguity::Backslash)),
            ("/a%5cb", Some(Ambiguity::Backslash)),
            ("/a%2fb", Some(Ambiguity::EncodedSlash)),
            ("/a;b=c", Some(Ambiguity::Parameters)),
            ("/100%", Some(Ambiguity::Encoding)),
        ] {
            assert_eq!(ambiguity(path), want, "{path}");
        }
        assert!(is_too_ambiguous(&format!("/{}/..;%2f", "a".repeat(5_000))));
        assert!(
            !is_too_ambiguous(&"/a".repeat(30_000)) && !is_too_ambiguous(&"/a%2Fb".repeat(500))
        );
    }

    #[test]
    fn a_nul_is_seen() {
        assert!(has_nul("/a%00b") && has_nul("/a\0") && !has_nul("/a%0"));
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_its_own(path in "/[a-c%./\\\\2eF5]{0,24}") {
            let once = canonical(&path).into_owned();
            // Decoding may free a "%" that encodes again; that is data, as it is for the upstream.
            if !once.contains('%') { prop_assert_eq!(canonical(&once), once.as_str()); }
            prop_assert!(once.starts_with('/') && !once.contains("//"));
        }

        /// A gateway with `paths = "strict"` passes on what has one reading only, but for dots at
        /// the end of a name.
        #[test]
        fn a_path_without_ambiguity_has_one_reading(path in "/[a-c%./\\\\;2eF5]{0,24}") {
            if ambiguity(&path).is_none() && !path.ends_with(['.', 'e', 'E']) {
                let readings = PathReadings::of_path(&path, Comparison::default());
                prop_assert!(readings.others.is_empty());
            }
        }
    }
}
