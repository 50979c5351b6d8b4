//! Patterns of hosts.

use super::segments::{Case, Segment, match_segments};

/// A host such as `api.example.com`, `*.example.com` (one label) or `**.example.com` (any number).
#[derive(Clone, Debug)]
pub struct HostPattern {
    text: Box<str>,
    labels: Box<[Segment]>,
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
        let lower = host.trim_end_matches('.').to_ascii_lowercase();
        let labels: Vec<&str> = lower.split('.').collect();
        match_segments(&self.labels, &labels, Case::Exact).is_some()
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
