//! Variables in the texts of a suite.
//!
//! 1. `${NAME}` is the environment variable NAME; it is an error if it is not set.
//! 2. `${NAME:-text}` is `text` if it is not set or empty.
//! 3. `${capture:NAME}` is a value that an earlier case kept.
//! 4. `$${` is `${` itself.

use std::collections::BTreeMap;
use std::fmt;

/// The reason that a text cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// The variable has no value and no default.
    #[error("the environment variable `{0}` is not set; set it, or write `${{{0}:-default}}`")]
    Unset(String),
    /// The closing brace is missing.
    #[error("`${{` without `}}`; write `$${{` for these two characters")]
    Unclosed,
    /// The name is none.
    #[error("`{0}` is not the name of a variable: letters, digits and `_`")]
    BadName(String),
    /// No earlier case kept the value.
    #[error("no value `{0}` was captured")]
    NotCaptured(String),
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Capture(String),
}

/// A text whose environment variables are expanded and whose captures are not yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureText {
    pieces: Vec<Piece>,
    /// The text as the suite has it, for messages.
    source: String,
}

impl CaptureText {
    /// Expands the environment variables of `text`; `lookup` returns their values.
    pub fn parse(
        text: &str,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, VariableError> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let before = &rest[..start];
            rest = &rest[start + 2..];
            if let Some(escaped) = before.strip_suffix('$') {
                plain.push_str(escaped);
                plain.push_str("${");
                continue;
            }
            plain.push_str(before);
            let (name, after) = rest.split_once('}').ok_or(VariableError::Unclosed)?;
            rest = after;
            if let Some(capture) = name.strip_prefix("capture:") {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
                pieces.push(Piece::Capture(check_name(capture)?.to_owned()));
            } else {
                plain.push_str(&value_of(name, lookup)?);
            }
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        Ok(Self { pieces, source: text.to_owned() })
    }

    /// The same text after `prefix`, which has no variables.
    pub(super) fn after_prefix(mut self, prefix: &str) -> Self {
        self.pieces.insert(0, Piece::Text(prefix.to_owned()));
        self.source.insert_str(0, prefix);
        self
    }

    /// Returns true if there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.to_plain().is_some_and(|text| text.is_empty())
    }

    /// The text, if it has no captures.
    pub fn to_plain(&self) -> Option<String> {
        self.expand(&BTreeMap::new()).ok()
    }

    /// Returns true if the text, or the value of a variable in it, has this character.
    pub(super) fn has_character(&self, wanted: char) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Text(text) => text.contains(wanted),
            Piece::Capture(_) => false,
        })
    }

    /// The names of the captures in it.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Capture(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The text with the values of its captures.
    pub fn expand(&self, captured: &BTreeMap<String, String>) -> Result<String, VariableError> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Capture(name) => match captured.get(name) {
                    Some(value) => text.push_str(value),
                    None => return Err(VariableError::NotCaptured(name.clone())),
                },
            }
        }
        Ok(text)
    }
}

/// Writes the text as the suite has it: the values of variables may be secrets.
impl fmt::Display for CaptureText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

/// The text that stands for `text` itself in a suite: `${` becomes `$${`.
pub fn escape_variables(text: &str) -> String {
    text.replace("${", "$${")
}

fn value_of(
    reference: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, VariableError> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let value = lookup(check_name(name)?);
    match (value, default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(VariableError::Unset(name.to_owned())),
    }
}

fn check_name(name: &str) -> Result<&str, VariableError> {
    let is_name =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_name { Ok(name) } else { Err(VariableError::BadName(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    fn expand(text: &str) -> Result<String, VariableError> {
        let lookup = |name: &str| match name {
            "PORT" => Some("8080".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let captured = BTreeMap::from([("id".to_owned(), "7".to_owned())]);
        CaptureText::parse(text, &lookup)?.expand(&captured)
    }

    #[test]
    fn variables_defaults_and_captures_are_expanded() {
        let rows = [
            ("http://localhost:${PORT}/", "http://localhost:8080/"),
            ("${NONE:-a:b}", "a:b"),
            ("${EMPTY:-c}", "c"),
            ("<${EMPTY}>", "<>"),
            ("/orders/${capture:id}?p=${PORT}", "/orders/7?p=8080"),
            ("$${PORT} costs $5", "${PORT} costs $5"),
        ];
        for (text, expected) in rows {
            assert_eq!(expand(text).unwrap(), expected, "{text}");
        }
    }

    /// It is printed by `--list` and where a server cannot be reached.
    #[test]
    fn the_text_of_a_suite_is_shown_without_values() {
        let text = CaptureText::parse("/?token=${SECRET}", &|_| Some("hunter2".to_owned()));
        let text = text.unwrap().after_prefix("http://a");
        assert_eq!(text.to_string(), "http://a/?token=${SECRET}");
        assert_eq!(text.to_plain().unwrap(), "http://a/?token=hunter2");
    }

    #[test]
    fn what_has_no_value_is_an_error() {
        assert_eq!(expand("${NONE}"), Err(VariableError::Unset("NONE".to_owned())));
        assert_eq!(expand("${PORT"), Err(VariableError::Unclosed));
        assert_eq!(expand("${A B}"), Err(VariableError::BadName("A B".to_owned())));
        assert_eq!(expand("${capture:x}"), Err(VariableError::NotCaptured("x".to_owned())));
        let message = VariableError::Unset("NONE".to_owned()).to_string();
        assert!(message.ends_with("set it, or write `${NONE:-default}`"), "{message}");
    }
}
