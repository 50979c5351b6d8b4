//! Variables of Hurl (`{{name}}`), which become those of a suite.

use std::collections::BTreeSet;
use std::fmt;

use crate::probe::Target;
use crate::suite::draft::values::target_text;
use crate::suite::draft::variable_names::DraftVariables;
use crate::suite::variables::escape_variables;

/// The variables of a file, and the URL that its entries share.
#[derive(Debug, Default)]
pub(super) struct Templates {
    base: Option<Base>,
    captured: BTreeSet<String>,
    pub(super) variables: DraftVariables,
}

/// The beginning of the URL of the first entry.
#[derive(Debug, PartialEq, Eq)]
enum Base {
    /// `{{host}}/path`.
    Variable(String),
    /// `https://host/path`.
    Origin(String),
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "{{{{{name}}}}}"),
            Self::Origin(origin) => f.write_str(origin),
        }
    }
}

impl Templates {
    /// The URL of the suite, as a variable with a default.
    pub(super) fn target(&mut self) -> String {
        match &self.base {
            // The name is kept where it can be: `--variable base=…` becomes `BASE=…`.
            Some(Base::Variable(name)) => {
                let reference = self.variables.reference(name, &format!("{{{{{name}}}}}"));
                reference.replace('}', ":-http://127.0.0.1:8080}")
            }
            Some(Base::Origin(origin)) => format!("${{TARGET:-{origin}}}"),
            None => String::new(),
        }
    }

    /// The target of a request, relative to the URL of the suite.
    ///
    /// # Errors
    /// The reason that it has none.
    pub(super) fn target_of(&mut self, url: &str) -> Result<String, String> {
        let (base, rest) = split_base(url)?;
        // The variables of credentials are those of one server, and --target names only that one.
        if let Some(known) = self.base.as_ref().filter(|known| **known != base) {
            return Err(format!(
                "its URL begins with `{base}`, that of the first entry with `{known}`"
            ));
        }
        let path = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        let path = self.expand(path.split('#').next().unwrap_or_default());
        self.base = Some(base);
        Ok(target_text(&path, &mut self.variables))
    }

    /// Adds a captured value; false if the name is taken.
    pub(super) fn add_capture(&mut self, name: &str) -> bool {
        self.captured.insert(name.to_owned())
    }

    /// The text with the variables of a suite.
    pub(super) fn expand(&mut self, text: &str) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, behind)) = after.split_once("}}") else { break };
            expanded.push_str(&escape_variables(before));
            let name = name.trim();
            if self.captured.contains(name) {
                expanded.push_str(&format!("${{capture:{name}}}"));
            } else {
                let value = format!("{{{{{name}}}}}");
                expanded.push_str(&self.variables.reference(name, &value));
            }
            rest = behind;
        }
        expanded.push_str(&escape_variables(rest));
        expanded
    }
}

/// Splits a URL into its beginning and the path.
fn split_base(url: &str) -> Result<(Base, &str), String> {
    if let Some(after) = url.strip_prefix("{{") {
        let (name, rest) = after.split_once("}}").ok_or("its `{{` has no `}}`")?;
        return Ok((Base::Variable(name.trim().to_owned()), rest));
    }
    let start = url.find("://").ok_or("its URL has no scheme")? + 3;
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |place| start + place);
    if url[start..end].contains('@') {
        return Err("its URL has user information; write it in [BasicAuth]".to_owned());
    }
    match Target::parse(&url[..end]) {
        Ok(_) => Ok((Base::Origin(url[..end].to_owned()), &url[end..])),
        Err(error) => Err(error.to_string()),
    }
}
