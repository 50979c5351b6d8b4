//! The text of a matcher, for people: `paths /api/**; methods POST; but not paths /api/legacy/**`.

use std::fmt;

use super::host::HostPattern;
use super::matcher::{Matcher, MatcherValues};
use super::path::PathPattern;
use super::patterns::{ClientPattern, HeaderPattern};

/// The keys and their values. Of fields there is only the name, and of identities only the number,
/// because their values may be secrets.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hosts, paths, methods, headers, peers, clients, identities } = self;
        let mut text = MatcherText::default();
        text.push_key("hosts", hosts, |host| HostPattern::text(host).to_owned());
        text.push_key("paths", paths, |path| PathPattern::text(path).to_owned());
        text.push_key("methods", methods, |method| method.to_string());
        text.push_key("headers", headers, |header| HeaderPattern::field(header).to_owned());
        text.push_key("peers", peers, ToString::to_string);
        text.push_key("clients", clients, ClientPattern::to_string);
        text.push_number("identities", identities);
        f.write_str(&text.into_sentence())
    }
}

/// The parts of the text.
#[derive(Default)]
struct MatcherText {
    included: Vec<String>,
    excluded: Vec<String>,
}

impl MatcherText {
    fn push_key<T>(
        &mut self,
        key: &str,
        values: &MatcherValues<T>,
        text_of: impl Fn(&T) -> String,
    ) {
        let sides = [(&values.include, &mut self.included), (&values.exclude, &mut self.excluded)];
        for (side, parts) in sides {
            if !side.is_empty() {
                let texts: Vec<String> = side.iter().map(&text_of).collect();
                parts.push(format!("{key} {}", texts.join(", ")));
            }
        }
    }

    fn push_number<T>(&mut self, key: &str, values: &MatcherValues<T>) {
        let sides = [(&values.include, &mut self.included), (&values.exclude, &mut self.excluded)];
        for (side, parts) in sides {
            if !side.is_empty() {
                parts.push(format!("{key} ({})", side.len()));
            }
        }
    }

    fn into_sentence(self) -> String {
        let mut sentence = match self.included.as_slice() {
            [] => "all requests".to_owned(),
            included => included.join("; "),
        };
        if !self.excluded.is_empty() {
            sentence.push_str("; but not ");
            sentence.push_str(&self.excluded.join("; "));
        }
        sentence
    }
}
