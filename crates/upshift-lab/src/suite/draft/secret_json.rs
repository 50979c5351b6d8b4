//! Secrets in JSON, and in texts that are almost JSON.

use super::secret_text::SecretHider;
use crate::secret_names::may_be_secret;

/// The text with others in place of secrets; all else stays as it was written.
///
/// The text is read token by token, so that JSON with variables, and JSON that is cut, is read too.
pub(super) fn hide_in_json(text: &str, hider: &mut SecretHider<'_>) -> String {
    let mut reader = JsonReader { hider, hidden: String::new(), key: None, parents: Vec::new() };
    let mut rest = text;
    while !rest.is_empty() {
        let (token, behind) = rest.split_at(token_length(rest));
        reader.read(token, behind);
        rest = behind;
    }
    reader.hidden
}

struct JsonReader<'h, 'v> {
    hider: &'h mut SecretHider<'v>,
    hidden: String,
    /// The name of the member whose value follows.
    key: Option<String>,
    /// For each open bracket, the telling name that it is the value of, at any depth.
    parents: Vec<Option<String>>,
}

impl JsonReader<'_, '_> {
    fn read(&mut self, token: &str, behind: &str) {
        match token.chars().next().unwrap_or_default() {
            '{' | '[' => {
                let secret = self.secret_name();
                self.parents.push(secret);
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
            Some(_) if text.is_empty() || super::secret_text::is_reference(&text) => text.clone(),
            Some(name) => self.hider.stand_in(&name, &text),
            None => self.hider.hide(&text),
        };
        if hidden == text {
            self.hidden.push_str(token);
        } else {
            self.hidden.push_str(&serde_json::Value::from(hidden).to_string());
        }
    }

    /// The telling name of the value that follows.
    fn secret_name(&self) -> Option<String> {
        let own = self.key.as_ref().filter(|key| may_be_secret(key));
        own.or_else(|| self.parents.last()?.as_ref()).cloned()
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

#[cfg(test)]
mod tests {
    use super::super::secret_text::hide;
    use super::super::variable_names::DraftVariables;

    #[test]
    fn secrets_in_json_become_variables() {
        for (text, hidden) in [
            (r#"{"otp": 123, "a": 1}"#, r#"{"otp": ${OTP}, "a": 1}"#),
            (r#"{"passwords":["S","T"]}"#, r#"{"passwords":["${PASSWORDS}","${PASSWORDS_2}"]}"#),
            (
                r#"[{"credentials":{"value":"S"},"b":"c"}]"#,
                r#"[{"credentials":{"value":"${CREDENTIALS}"},"b":"c"}]"#,
            ),
            (r#"{"u":"https://a?token=S"}"#, r#"{"u":"https://a?token=${TOKEN}"}"#),
            (r#"{"q":"m{l(pw:\"S\")}"}"#, r#"{"q":"m{l(pw:\"${PW}\")}"}"#),
            (r#"{"q":"{\"pin\":\"S\"}"}"#, r#"{"q":"{\"pin\":\"${PIN}\"}"}"#),
            ("{\"p\\u0077\":\"S\"}", "{\"p\\u0077\":\"${PW}\"}"),
            (
                r#"{"pin":${N},"token":"${capture:t}","key":true}"#,
                r#"{"pin":${N},"token":"${capture:t}","key":true}"#,
            ),
            (r#"{"password":"S","cut":"#, r#"{"password":"${PASSWORD}","cut":"#),
            (r#"{ login(pin: "S") }"#, r#"{ login(pin: "${PIN}") }"#),
        ] {
            assert_eq!(hide(text, &mut DraftVariables::default()), hidden, "{text}");
        }
    }
}
