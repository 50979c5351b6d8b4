//! Classes of targets: the paths that no rule and no exemption tells apart.
//!
//! Most logs have more paths than a memo can hold, and few classes. A path that upstreams read in
//! different ways, or that a rule links to, is a class of its own.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use upshift_core::Facts;
use upshift_core::Policy;
use upshift_core::policy::{
    ApiReader, Comparison, HostPattern, Matcher, MatcherValues, PathPattern, PathReadings,
    PathTemplate, Requirement,
};

use crate::line::{LogLine, Text};
use crate::seen_once::SeenOnce;

/// The most targets whose class is kept.
const MOST: usize = 64 * 1024;

/// The longest target whose class is kept.
const LONGEST: usize = 512;

const WHOLE: u8 = 0;
const CLASS: u8 = 1;

/// Finds the classes of targets.
#[derive(Debug)]
pub(crate) struct TargetClasses {
    patterns: TargetPatterns,
    known: HashMap<Box<[u8]>, Box<[u8]>, RandomState>,
    seen: SeenOnce,
    /// The key of the target that was looked up last.
    key: Vec<u8>,
}

/// Everything in a policy that tells targets apart.
#[derive(Debug)]
struct TargetPatterns {
    comparison: Comparison,
    hosts: Vec<HostPattern>,
    paths: Vec<PathPattern>,
    templates: Vec<PathTemplate>,
    /// The paths that rules link to.
    links: Vec<String>,
    has_host: bool,
}

impl TargetClasses {
    pub(crate) fn new(policy: &Policy, has_host: bool) -> Self {
        let spec = policy.to_spec();
        let mut patterns = TargetPatterns {
            comparison: spec.comparison,
            hosts: spec.served.hosts,
            paths: Vec::new(),
            templates: Vec::new(),
            links: Vec::new(),
            has_host,
        };
        for rule in policy.rules() {
            patterns.add_matcher(&rule.matcher);
            patterns.add_requirements(&rule.require);
            let links = [&rule.docs, &rule.successor, &rule.upgrade_url.default];
            for link in links.into_iter().flatten().chain(rule.upgrade_url.clients.values()) {
                patterns.links.push(comparable(Facts::split_target(link).0));
            }
        }
        for exemption in policy.exemptions() {
            patterns.add_matcher(&exemption.matcher);
        }
        Self { patterns, known: HashMap::default(), seen: SeenOnce::default(), key: Vec::new() }
    }

    /// Adds the class of a line's method, target and host to `bytes`. The target is without what
    /// decisions do not depend on.
    pub(crate) fn write(&mut self, line: &LogLine<'_>, target: &[u8], bytes: &mut Vec<u8>) {
        self.key.clear();
        push_text(&mut self.key, &line.method);
        if self.patterns.has_host {
            push_optional(&mut self.key, line.host.value());
        }
        self.key.extend_from_slice(target);
        if let Some(class) = self.known.get(self.key.as_slice()) {
            bytes.extend_from_slice(class);
            return;
        }
        let begin = bytes.len();
        self.patterns.write_class(line, target, &self.key, bytes);
        let hash = self.known.hasher().hash_one(self.key.as_slice());
        let is_kept = self.known.len() < MOST && self.key.len() <= LONGEST;
        if self.seen.comes_again(hash) && is_kept {
            self.known.insert(self.key.as_slice().into(), bytes[begin..].into());
        }
    }
}

impl TargetPatterns {
    fn add_matcher(&mut self, matcher: &Matcher) {
        let MatcherValues { include, exclude } = &matcher.hosts;
        self.hosts.extend(include.iter().chain(exclude).cloned());
        let MatcherValues { include, exclude } = &matcher.paths;
        self.paths.extend(include.iter().chain(exclude).cloned());
    }

    fn add_requirements(&mut self, requirements: &[Requirement]) {
        for requirement in requirements {
            let Requirement::Api(api) = requirement else { continue };
            for reader in &api.read {
                if let ApiReader::Path(template) = reader {
                    self.templates.push(template.clone());
                }
            }
        }
    }

    fn write_class(&self, line: &LogLine<'_>, target: &[u8], key: &[u8], bytes: &mut Vec<u8>) {
        let begin = bytes.len();
        if self.try_class(line, target, bytes).is_none() {
            bytes.truncate(begin);
            bytes.push(WHOLE);
            push_text(bytes, key);
        }
    }

    /// Writes the class; `None` if the target is one of its own.
    fn try_class(&self, line: &LogLine<'_>, target: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
        let text = std::str::from_utf8(target).ok()?;
        // A query is here only where a rule reads it. Then it is a part of the class.
        let (path, query) = Facts::split_target(text);
        let readings = PathReadings::of_path(path, self.comparison);
        // An absolute form has a host of its own.
        if !text.starts_with('/') || !readings.others.is_empty() || self.is_special(path) {
            return None;
        }
        bytes.push(CLASS);
        push_text(bytes, &line.method);
        push_text(bytes, query.unwrap_or_default().as_bytes());
        let mut bits = Bits::default();
        if self.has_host {
            let host = match line.host.value() {
                Some(host) => std::str::from_utf8(host).ok()?,
                None => "",
            };
            for pattern in &self.hosts {
                bits.push(pattern.fits(Facts::host_of(host)), bytes);
            }
        }
        for pattern in &self.paths {
            bits.push(pattern.matches(&readings.plainest), bytes);
        }
        bits.finish(bytes);
        for template in &self.templates {
            match template.capture(&readings.plainest) {
                Some(captured) => push_text(bytes, captured.as_bytes()),
                None => push_optional(bytes, None),
            }
        }
        Some(())
    }

    /// Returns true if something else than a pattern can tell the path apart.
    fn is_special(&self, path: &str) -> bool {
        // The built-in exemptions: health checks, and `/.well-known`.
        if matches!(path, "/healthz" | "/livez" | "/readyz") || path.contains("/.") {
            return true;
        }
        if self.links.is_empty() {
            return false;
        }
        // An encoded path may be that of a link as well.
        path.contains('%') || self.links.contains(&comparable(path))
    }
}

/// Collects bits into bytes.
#[derive(Default)]
struct Bits {
    byte: u8,
    count: u8,
}

impl Bits {
    fn push(&mut self, bit: bool, bytes: &mut Vec<u8>) {
        self.byte |= u8::from(bit) << self.count;
        self.count += 1;
        if self.count == 8 {
            bytes.push(self.byte);
            *self = Self::default();
        }
    }

    fn finish(self, bytes: &mut Vec<u8>) {
        bytes.push(self.byte);
    }
}

/// A path in a form that is equal for all paths that a policy may compare as equal.
fn comparable(path: &str) -> String {
    path.trim_end_matches('/').to_ascii_lowercase()
}

/// Adds a text with its length, so that no two keys of different texts are equal.
pub(crate) fn push_text(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(text);
}

/// The same for a text that may be absent.
pub(crate) fn push_optional(bytes: &mut Vec<u8>, text: Option<&Text<'_>>) {
    match text {
        Some(text) => push_text(bytes, text),
        None => bytes.extend_from_slice(&u32::MAX.to_le_bytes()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use std::borrow::Cow;

    use super::*;

    fn class(classes: &mut TargetClasses, target: &str) -> Vec<u8> {
        let line = LogLine {
            method: Cow::Borrowed(b"GET"),
            target: Cow::Borrowed(target.as_bytes()),
            ..LogLine::default()
        };
        let mut bytes = Vec::new();
        classes.write(&line, target.as_bytes(), &mut bytes);
        bytes
    }

    #[test]
    fn only_what_a_policy_tells_apart_differs() {
        let text = "[gateway]\nhttp = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:1\"\n\
                    [[rule]]\nid = \"a\"\npaths = [\"/api/**\", \"!/api/old\"]\nrequire = { http = \"2\" }\n\
                    docs = \"/docs/v2\"\n\
                    [[rule]]\nid = \"b\"\nrequire = { api = { minimum = \"2\", read = [\"path:/v/{version}/**\"] } }\n";
        let policy = upshift_config::load(text, "upshift.toml").unwrap().file.policy;
        let mut classes = TargetClasses::new(&policy, false);
        let mut same =
            |one: &str, other: &str| class(&mut classes, one) == class(&mut classes, other);
        assert!(same("/api/1", "/api/2/3") && same("/x", "/y/z"));
        assert!(!same("/api/1", "/x") && !same("/api/1", "/api/old") && !same("/v/1/x", "/v/2/x"));
        assert!(same("/v/1/x", "/v/1/y"));
        // Paths of several readings, of built-in exemptions, and of links.
        assert!(!same("/x//y", "/x//z") && !same("/healthz", "/x"));
        assert!(
            !same("/.well-known/a", "/x") && !same("/docs/v2", "/x") && !same("/Docs/v2/", "/x")
        );
    }
}
