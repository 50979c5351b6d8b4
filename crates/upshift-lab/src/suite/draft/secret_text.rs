//! Secrets in texts: in URLs, forms, JSON, XML, GraphQL and parts of forms.
//!
//! The texts are those of a suite: `${NAME}` is a variable and no secret.

use std::sync::LazyLock;

use percent_encoding::percent_decode_str;
use regex::{Captures, Regex};

use super::secret_json::{HideText, hide_in_json};
use super::variable_names::{DraftVariables, is_reference};
use crate::secret_names::may_be_secret;

/// The most texts inside of each other, such as JSON in a URL in JSON.
const DEEPEST: usize = 5;

/// `name=value` and `name="value"`.
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"([\w.\-%\[\]]+)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^&#;\s"'`<>\\]+))"#)
});
/// `name: "value"`, as in GraphQL, YAML and JSON that is cut.
static MEMBER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"([\w.\-]+)["']?\s*:\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)')"#));
/// `<name>value</`.
static ELEMENT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"<(?:\w+:)?([\w.\-]+)(?:\s[^<>]*)?>([^<>]+)</"));
/// The user information of a URL.
static USER_INFORMATION: LazyLock<Regex> = LazyLock::new(|| pattern(r#"://([^/?#@\s"'<>`]+)@"#));
/// A part of `multipart/form-data`, up to the next boundary.
static PART: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?s)name="([^"]*)"[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n(.*?)\r?\n--"#)
});
/// A JSON Web Token, or credentials with their scheme.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\beyJ[\w\-]+\.[\w\-]+\.[\w\-]*|(?i:\b(?:bearer|basic) +)([\w+/=.~\-]{16,})")
});
/// `name: value` and `name = value` in words for people.
static PROSE: LazyLock<Regex> = LazyLock::new(|| pattern(r"([\w.\-]+)\s*[:=]\s*([^\s`]+)"));
/// The text with variables in place of secrets.
pub(super) fn hide(text: &str, variables: &mut DraftVariables) -> String {
    SecretHider { variables: Some(variables), depth: 0 }.hide(text)
}

/// A form or a query with variables in place of secrets.
pub(super) fn hide_in_form(form: &str, variables: &mut DraftVariables) -> String {
    SecretHider { variables: Some(variables), depth: 0 }.hide_in_form(form)
}

/// The text with `***` in place of secrets.
pub(super) fn mask(text: &str) -> String {
    SecretHider { variables: None, depth: 0 }.hide(text)
}

/// Words for people with `***` in place of secrets.
pub(super) fn mask_prose(text: &str) -> String {
    let masked = mask(text);
    let replaced = PROSE.replace_all(&masked, |found: &Captures<'_>| {
        let is_secret = may_be_secret(&found[1]) && !is_reference(&found[2]);
        if is_secret { with_value(found, 2, "***") } else { found[0].to_owned() }
    });
    replaced.into_owned()
}

/// Returns true if a secret is in the text.
pub(super) fn has_secret(text: &str) -> bool {
    mask(text) != text
}

/// Puts variables, or `***` without them, in place of secrets.
struct SecretHider<'v> {
    variables: Option<&'v mut DraftVariables>,
    depth: usize,
}

impl HideText for SecretHider<'_> {
    fn hide(&mut self, text: &str) -> String {
        if self.depth == DEEPEST {
            return text.to_owned();
        }
        self.depth += 1;
        let is_json = text.trim_start().starts_with(['{', '[']);
        let mut hidden = if is_json { hide_in_json(text, self) } else { text.to_owned() };
        if hidden.contains("form-data") {
            hidden = self.replace(&PART, &hidden);
        }
        for pattern in [&ELEMENT, &PAIR, &MEMBER] {
            hidden = self.replace(pattern, &hidden);
        }
        hidden = self.replace_unnamed(&USER_INFORMATION, &hidden, "userinfo");
        hidden = self.replace_unnamed(&TOKEN, &hidden, "token");
        self.depth -= 1;
        hidden
    }

    fn stand_in(&mut self, name: &str, value: &str) -> String {
        match &mut self.variables {
            Some(variables) => variables.reference(name, value),
            None => "***".to_owned(),
        }
    }
}

impl SecretHider<'_> {
    fn hide_in_form(&mut self, form: &str) -> String {
        let mut pairs = Vec::new();
        for pair in form.split('&') {
            let hidden = pair.split_once('=').and_then(|(name, value)| {
                self.hide_value(name, value).map(|value| format!("{name}={value}"))
            });
            pairs.push(hidden.unwrap_or_else(|| pair.to_owned()));
        }
        pairs.join("&")
    }

    /// The text in place of the value with this name; `None` if it stays.
    fn hide_value(&mut self, name: &str, value: &str) -> Option<String> {
        if value.is_empty() || is_reference(value) {
            return None;
        }
        let name = percent_decode_str(name).decode_utf8_lossy();
        if may_be_secret(&name) {
            return Some(self.stand_in(&name, value));
        }
        // A URL in a query, either encoded or as it is.
        let decoded = percent_decode_str(value).decode_utf8_lossy();
        let hidden = self.hide(value);
        if hidden != value {
            return Some(hidden);
        }
        let mut masker = SecretHider { variables: None, depth: self.depth };
        if decoded == value || masker.hide(&decoded) == decoded {
            return None;
        }
        Some(self.stand_in(&name, value))
    }

    /// Replaces values; the first group of the pattern is the name, the next one the value.
    fn replace(&mut self, pattern: &Regex, text: &str) -> String {
        let replaced = pattern.replace_all(text, |found: &Captures<'_>| {
            let Some(group) = (2..found.len()).find(|group| found.get(*group).is_some()) else {
                return found[0].to_owned();
            };
            match self.hide_value(&found[1], &found[group]) {
                Some(value) => with_value(found, group, &value),
                None => found[0].to_owned(),
            }
        });
        replaced.into_owned()
    }

    /// Replaces the first group of the pattern, or all that it matches.
    fn replace_unnamed(&mut self, pattern: &Regex, text: &str, name: &str) -> String {
        let replaced = pattern.replace_all(text, |found: &Captures<'_>| {
            let group = usize::from(found.get(1).is_some());
            // `${user}:${password}` has no secret.
            if is_reference(&found[group].replace(':', "")) {
                return found[0].to_owned();
            }
            let value = self.stand_in(name, &found[group]);
            with_value(found, group, &value)
        });
        replaced.into_owned()
    }
}

/// The whole match, with another text for one of its groups.
fn with_value(found: &Captures<'_>, group: usize, value: &str) -> String {
    let whole = &found[0];
    let start = found.get(0).map_or(0, |all| all.start());
    let Some(range) = found.get(group).map(|part| part.start() - start..part.end() - start) else {
        return whole.to_owned();
    };
    format!("{}{value}{}", &whole[..range.start], &whole[range.end..])
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the patterns of this file are valid, and its tests use each of them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_become_variables_wherever_they_are() {
        for (text, hidden) in [
            ("/done#access_token=S", "/done#access_token=${ACCESS_TOKEN}"),
            ("https://a/x?token=S&b=1", "https://a/x?token=${TOKEN}&b=1"),
            (
                "</a?X-Amz-Signature=S>; rel=\"next\"",
                "</a?X-Amz-Signature=${X_AMZ_SIGNATURE}>; rel=\"next\"",
            ),
            ("https://bob:S@a.example/", "https://${USERINFO}@a.example/"),
            ("next=https://a/?otp=S", "next=https://a/?otp=${OTP}"),
            ("next=https%3A%2F%2Fa%3Ftoken%3DS", "next=${NEXT}"),
            ("/a;jsessionid=S/b", "/a;jsessionid=${JSESSIONID}"),
            ("mutation { login(pin: \"S\") }", "mutation { login(pin: \"${PIN}\") }"),
            ("<a:password x=\"1\">S</a:password>", "<a:password x=\"1\">${PASSWORD}</a:password>"),
            (
                "--x\ncontent-disposition: form-data; name=\"pw\"\n\nS\n--x--",
                "--x\ncontent-disposition: form-data; name=\"pw\"\n\n${PW}\n--x--",
            ),
            ("x: Bearer S123456789012345", "x: Bearer ${TOKEN}"),
            ("a eyJS.eyJS.S b", "a ${TOKEN} b"),
            ("token=${capture:t}&a=$${b}", "token=${capture:t}&a=$${b}"),
            ("page=2&country_code=1&token=", "page=2&country_code=1&token="),
        ] {
            assert_eq!(hide(text, &mut DraftVariables::default()), hidden, "{text}");
        }
    }

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
            (
                r#"[{"name":"pin","value":"S"},{"name":"a","value":"b"}]"#,
                r#"[{"name":"pin","value":"${PIN}"},{"name":"a","value":"b"}]"#,
            ),
            (
                r#"{"op":"add","path":"/a/pw","value":{"b":"S"}}"#,
                r#"{"op":"add","path":"/a/pw","value":{"b":"${PW}"}}"#,
            ),
            (r#"{ login(pin: "S") }"#, r#"{ login(pin: "${PIN}") }"#),
        ] {
            assert_eq!(hide(text, &mut DraftVariables::default()), hidden, "{text}");
        }
    }

    #[test]
    fn words_for_people_have_no_secrets() {
        assert_eq!(mask("`http://u:S@a/?token=S`"), "`http://***@a/?token=***`");
        assert_eq!(mask_prose("Log in with password: S"), "Log in with password: ***");
        assert_eq!(mask_prose("Log in with a token first"), "Log in with a token first");
    }

    /// A text in a text in a text is not followed without end.
    #[test]
    fn deep_texts_end() {
        let deep = "a=".repeat(50_000);
        assert_eq!(mask(&deep).len(), deep.len());
    }
}
