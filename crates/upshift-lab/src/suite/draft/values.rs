//! Values of a source: encoded for their place, and variables in place of secrets.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::secret_names::may_be_secret;
use crate::suite::variables::escape_variables;

/// The characters of RFC 3986 §2.3 stay as they are in a path and in a query.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value in a path or a query.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// The value of a field: a variable in place of a secret.
pub(super) fn field_text(name: &str, value: &str) -> String {
    if !may_be_secret(name) {
        return escape_variables(value);
    }
    // The scheme of credentials is no secret (RFC 9110 §11.4).
    let scheme = value.split(' ').next().unwrap_or_default();
    let is_scheme = ["basic", "bearer", "digest"].contains(&scheme.to_ascii_lowercase().as_str());
    let variable = variable_of(name);
    if is_scheme && scheme.len() < value.len() {
        return format!("{scheme} {variable}");
    }
    variable
}

/// A path and a query, with variables in place of secrets in the query.
pub(super) fn target_text(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return escape_variables(target) };
    format!("{}?{}", escape_variables(path), form_text(query))
}

/// Content, with variables in place of secrets in JSON and forms.
pub(super) fn content_text(content_type: &str, content: &str) -> String {
    if content_type.contains("json")
        && let Ok(mut value) = serde_json::from_str::<Value>(content)
    {
        let found = hide_secrets(&mut value);
        // Without a secret, the content stays as it was written.
        return if found { value.to_string() } else { escape_variables(content) };
    }
    if content_type.starts_with("application/x-www-form-urlencoded") {
        return form_text(content);
    }
    escape_variables(content)
}

/// `${NAME}`, for a field or a parameter of this name.
pub(super) fn variable_of(name: &str) -> String {
    let mut variable = String::new();
    for character in name.chars() {
        let is_allowed = character.is_ascii_alphanumeric();
        variable.push(if is_allowed { character.to_ascii_uppercase() } else { '_' });
    }
    let variable = variable.trim_matches('_');
    if variable.is_empty() { "${VALUE}".to_owned() } else { format!("${{{variable}}}") }
}

fn form_text(form: &str) -> String {
    let mut pairs = Vec::new();
    for pair in form.split('&') {
        match pair.split_once('=') {
            Some((name, value)) if !value.is_empty() && may_be_secret_parameter(name) => {
                pairs.push(format!("{}={}", escape_variables(name), variable_of(name)));
            }
            _ => pairs.push(escape_variables(pair)),
        }
    }
    pairs.join("&")
}

/// Signatures of URLs are credentials, too.
fn may_be_secret_parameter(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    may_be_secret(name)
        || ["sig", "signature", "code", "pwd", "pass", "jwt"].contains(&lower.as_str())
}

/// Replaces the values of members with telling names. Returns true if there was one.
fn hide_secrets(value: &mut Value) -> bool {
    let mut found = false;
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if may_be_secret_parameter(name) && (member.is_string() || member.is_number()) {
                    *member = Value::String(variable_of(name));
                    found = true;
                } else {
                    found |= hide_secrets(member);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                found |= hide_secrets(item);
            }
        }
        Value::String(text) => *text = escape_variables(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_become_variables() {
        let rows = [
            (field_text("Authorization", "Bearer abc"), "Bearer ${AUTHORIZATION}"),
            (field_text("cookie", "sid=1; a=2"), "${COOKIE}"),
            (field_text("X-Api-Key", "k"), "${X_API_KEY}"),
            (field_text("Accept", "${x}"), "$${x}"),
            (
                target_text("/a?page=2&access_token=abc&sig=1"),
                "/a?page=2&access_token=${ACCESS_TOKEN}&sig=${SIG}",
            ),
            (
                content_text("application/x-www-form-urlencoded", "user=a&password=b"),
                "user=a&password=${PASSWORD}",
            ),
            (
                content_text("application/json", r#"{"a":{"password":"x"},"b":"${y}"}"#),
                r#"{"a":{"password":"${PASSWORD}"},"b":"$${y}"}"#,
            ),
            (content_text("application/json", r#"{ "a": 1 }"#), r#"{ "a": 1 }"#),
        ];
        for (text, expected) in rows {
            assert_eq!(text, expected);
        }
    }
}
