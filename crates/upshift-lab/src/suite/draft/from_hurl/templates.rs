//! Variables of Hurl (`{{name}}`), which become those of a suite.

use std::collections::BTreeSet;

use crate::probe::Target;
use crate::suite::draft::values::variable_of;
use crate::suite::variables::escape_variables;

/// The variables of a file, and the URL that its entries share.
#[derive(Debug, Default)]
pub(super) struct Templates {
    base: Option<Base>,
    captured: BTreeSet<String>,
}

/// The beginning of the URL of the first entry.
#[derive(Debug, PartialEq, Eq)]
enum Base {
    /// `{{host}}/path`.
    Variable(String),
    /// `https://host/path`.
    Origin(String),
}

impl Templates {
    /// The URL of the suite, as a variable with a default.
    pub(super) fn target(&self) -> String {
        match &self.base {
            // The name of the variable is kept, so that `--variable host=…` becomes `HOST=…`.
            Some(Base::Variable(name)) => {
                variable_of(name).replace('}', ":-http://127.0.0.1:8080}")
            }
            Some(Base::Origin(origin)) => format!("${{TARGET:-{origin}}}"),
            None => String::new(),
        }
    }

    /// The target of a request: relative to the URL of the suite where it can be; `None` if it
    /// begins with another variable.
    pub(super) fn target_of(&mut self, url: &str) -> Option<String> {
        let (base, rest) = split_base(url)?;
        let is_other = self.base.as_ref().is_some_and(|known| *known != base);
        let path = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        let path = self.expand(path.split('#').next().unwrap_or_default());
        if !is_other {
            self.base = Some(base);
            return Some(path);
        }
        match base {
            Base::Origin(origin) => Some(format!("{}{path}", self.expand(&origin))),
            Base::Variable(_) => None,
        }
    }

    /// Adds a captured value; false if the name is taken.
    pub(super) fn add_capture(&mut self, name: &str) -> bool {
        self.captured.insert(name.to_owned())
    }

    /// The text with the variables of a suite.
    pub(super) fn expand(&self, text: &str) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, behind)) = after.split_once("}}") else { break };
            expanded.push_str(&escape_variables(before));
            let name = name.trim();
            if self.captured.contains(name) {
                expanded.push_str(&format!("${{capture:{name}}}"));
            } else {
                expanded.push_str(&variable_of(name));
            }
            rest = behind;
        }
        expanded.push_str(&escape_variables(rest));
        expanded
    }
}

fn split_base(url: &str) -> Option<(Base, &str)> {
    if let Some(after) = url.strip_prefix("{{") {
        let (name, rest) = after.split_once("}}")?;
        return Some((Base::Variable(name.trim().to_owned()), rest));
    }
    let start = url.find("://")? + 3;
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |place| start + place);
    Target::parse(&url[..end]).ok()?;
    Some((Base::Origin(url[..end].to_owned()), &url[end..]))
}
