//! Secrets in JSON, and in texts that are almost JSON.

use super::variable_names::is_reference;
use crate::secret_names::may_be_secret;

/// Replaces secrets in the texts of members.
pub(super) trait HideText {
    /// The text without its secrets.
    fn hide(&mut self, text: &str) -> String;
    /// The text in place of a secret with this name.
    fn stand_in(&mut self, name: &str, value: &str) -> String;
}

/// The text with others in place of secrets; all else stays as it was written.
///
/// The text is read token by token, so that JSON with variables, and JSON that is cut, is read too.
pub(super) fn hide_in_json(text: &str, hider: &mut dyn HideText) -> String {
    let mut reader = JsonReader { hider, hidden: String::new(), key: None, parents: Vec::new() };
    let mut rest = text;
    while !rest.is_empty() {
        let (token, behind) = rest.split_at(token_length(rest));
        reader.read(token, behind);
        rest = behind;
    }
    reader.hidden
}

struct JsonReader<'h> {
    hider: &'h mut dyn HideText,
    hidden: String,
    /// The name of the member whose value follows.
    key: Option<String>,
    /// The open brackets.
    parents: Vec<Parent>,
}

/// An object or an array.
struct Parent {
    /// The telling name of which it is the value, at any depth.
    secret: Option<String>,
    /// The telling name in `{"name": "password", "value": …}`.
    label: Option<String>,
}

impl JsonReader<'_> {
    fn read(&mut self, token: &str, behind: &str) {
        match token.chars().next().unwrap_or_default() {
            '{' | '[' => {
                let secret = self.secret_name();
                self.parents.push(Parent { secret, label: None });
                self.key = None;
            }
            '}' | ']' => {
                self.parents.pop();
                self.key = None;
            }
            ',' => self.key = None,
            '"' if self.key.is_none() && behind.trim_start().starts_with(':') => {
                self.key = Some(string_of(token));
            }
            '"' => return self.read_string(token),
            '0'..='9' | '-' => {
                if let Some(name) = self.secret_name() {
                    let value = self.hider.stand_in(&name, token);
                    self.hidden.push_str(&value);
                    return;
                }
            }
            _ => {}
        }
        self.hidden.push_str(token);
    }

    fn read_string(&mut self, token: &str) {
        let text = string_of(token);
        let hidden = match self.secret_name() {
            Some(_) if text.is_empty() || is_reference(&text) => text.clone(),
            Some(name) => self.hider.stand_in(&name, &text),
            None => {
                self.read_label(&text);
                self.hider.hide(&text)
            }
        };
        if hidden == text {
            self.hidden.push_str(token);
        } else {
            self.hidden.push_str(&serde_json::Value::from(hidden).to_string());
        }
    }

    /// The telling name of the value that follows.
    fn secret_name(&self) -> Option<String> {
        let parent = self.parents.last();
        let key = self.key.as_ref();
        let label = parent.filter(|_| key.is_some_and(|key| key == "value"));
        let own = key.filter(|key| may_be_secret(key));
        let of_parent = parent.and_then(|parent| parent.secret.as_ref());
        own.or_else(|| label?.label.as_ref()).or(of_parent).cloned()
    }

    /// Keeps a name that is written as a value: of a field, or the path of a JSON Patch (RFC 6902).
    fn read_label(&mut self, text: &str) {
        let is_name = self.key.as_ref().is_some_and(|key| ["name", "path"].contains(&key.as_str()));
        let name = text.rsplit('/').next().unwrap_or_default();
        if let Some(parent) = self.parents.last_mut().filter(|_| is_name && may_be_secret(name)) {
            parent.label = Some(name.to_owned());
        }
    }
}

/// The length of the first token: a string, a variable, a mark, or a run of anything else.
fn token_length(text: &str) -> usize {
    if text.starts_with("${") {
        return text.find('}').map_or(text.len(), |end| end + 1);
    }
    let first = text.chars().next().unwrap_or_default();
    match first {
        '"' => string_length(text),
        '{' | '}' | '[' | ']' | ',' | ':' => 1,
        _ if first.is_whitespace() || first == '$' => first.len_utf8(),
        _ => {
            text.find(|c: char| c.is_whitespace() || "{}[],:\"$".contains(c)).unwrap_or(text.len())
        }
    }
}

fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (place, character) in text.char_indices().skip(1) {
        match character {
            '"' if !is_escaped => return place + 1,
            _ => is_escaped = character == '\\' && !is_escaped,
        }
    }
    text.len()
}

/// The text of a string; a string that is none is taken as it is written.
fn string_of(token: &str) -> String {
    serde_json::from_str(token).unwrap_or_else(|_| token.trim_matches('"').to_owned())
}
