//! Hosts: the requested one, and patterns over them.

use std::borrow::Cow;

use super::segments::{Case, Segment, match_segments};
use crate::inline_vec::InlineVec;

/// A host such as `api.example.com`, `*.example.com` (one label) or `**.example.com` (any number).
#[derive(Clone, Debug)]
pub struct HostPattern {
    text: Box<str>,
    labels: Box<[Segment]>,
}

/// A requested host as it is compared: in lower case, without a dot at its end.
pub(super) struct HostReading<'h>(Cow<'h, str>);

impl<'h> HostReading<'h> {
    /// Reads a host. RFC 9110 §4.2.3: hosts compare without case.
    pub(super) fn of_host(host: &'h str) -> Self {
        // RFC 1034 §3.1: a dot at the end marks the complete name, and names the same host.
        let bare = host.trim_end_matches('.');
        // Nearly every client sends lower case, and then nothing is copied.
        let has_capitals = bare.bytes().any(|byte| byte.is_ascii_uppercase());
        Self(if has_capitals { bare.to_ascii_lowercase().into() } else { bare.into() })
    }

    /// The labels, from left to right; at least one.
    pub(super) fn labels(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        // By bytes: in texts as short as labels, a search for a character costs more.
        self.0.as_bytes().split(|byte| *byte == b'.')
    }
}

impl HostPattern {
    /// Reads a pattern; `None` if it has a port, a path, white space or nothing in it.
    pub fn parse(text: &str) -> Option<Self> {
        // RFC 1034 §3.1: a dot at the end marks the complete name, and names the same host.
        let bare = text.trim_end_matches('.');
        let is_bracketed = bare.starts_with('[') && bare.ends_with(']');
        let is_legal = !bare.is_empty() && (is_bracketed || bare.bytes().all(is_host_byte));
        if !is_legal {
            return None;
        }
        let mut labels = Vec::new();
        for label in bare.to_ascii_lowercase().split('.') {
            labels.push(Segment::parse_with(label, |piece| piece.as_bytes().to_vec()));
        }
        Some(Self { text: text.into(), labels: labels.into() })
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns true if it names one host.
    pub fn is_literal(&self) -> bool {
        !self.text.contains('*')
    }

    /// Returns true if `host` matches; hosts compare without case (RFC 9110 §4.2.3).
    pub fn fits(&self, host: &str) -> bool {
        let reading = HostReading::of_host(host);
        let labels: InlineVec<&[u8], 8> = reading.labels().collect();
        match_segments(&self.labels, &labels, Case::Exact).is_some()
    }

    /// The patterns of the labels, from left to right.
    pub(super) fn labels(&self) -> &[Segment] {
        &self.labels
    }
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_*".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_compare_without_case_and_by_label() {
        let fits = |pattern: &str, host: &str| {
            HostPattern::parse(pattern).is_some_and(|pattern| pattern.fits(host))
        };
        assert!(fits("API.example.com", "api.EXAMPLE.com."));
        assert!(
            fits("*.example.com", "a.example.com") && !fits("*.example.com", "a.b.example.com")
        );
        assert!(fits("**.example.com", "a.b.example.com") && fits("**.example.com", "example.com"));
        assert!(
            HostPattern::parse("example.com:80").is_none()
                && HostPattern::parse("http://x").is_none()
        );
    }
}
