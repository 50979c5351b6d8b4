//! Values of a source: encoded for their place, and variables in place of secrets.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::secret_text::{has_secret, hide, hide_in_form};
use super::variable_names::{DraftVariables, is_reference};
use crate::secret_names::may_be_secret;

/// The characters of RFC 3986 §2.3 stay as they are in a path and in a query.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value in a path or a query.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// A value for a path, a query or a form: encoded, or a variable in place of a secret.
pub(super) fn encoded_value(name: &str, value: &str, variables: &mut DraftVariables) -> String {
    if may_be_secret(name) || has_secret(value) {
        variables.reference(name, value)
    } else {
        encode(value)
    }
}

/// The value of a field: a variable in place of a secret. The value may have variables.
pub(super) fn field_text(name: &str, value: &str, variables: &mut DraftVariables) -> String {
    if !may_be_secret(name) {
        return hide(value, variables);
    }
    if name.eq_ignore_ascii_case("cookie") && value.contains("${") {
        return cookie_text(value, variables);
    }
    // The scheme of credentials is no secret (RFC 9110 §11.4).
    let (scheme, secret) = value.split_once(' ').unwrap_or(("", value));
    let is_scheme = ["basic", "bearer", "digest"].contains(&scheme.to_ascii_lowercase().as_str());
    if secret.is_empty() || is_reference(secret) {
        return value.to_owned();
    }
    if is_scheme {
        return format!("{scheme} {}", variables.reference(name, secret));
    }
    variables.reference(name, value)
}

/// A path and a query, with variables in place of secrets.
pub(super) fn target_text(target: &str, variables: &mut DraftVariables) -> String {
    match target.split_once('?') {
        Some((path, query)) => {
            format!("{}?{}", hide(path, variables), hide_in_form(query, variables))
        }
        None => hide(target, variables),
    }
}

/// Content, with variables in place of secrets.
pub(super) fn content_text(
    content_type: &str,
    content: &str,
    variables: &mut DraftVariables,
) -> String {
    // Clients send JSON with any media type.
    let is_other = content.trim_start().starts_with(['{', '[', '<']);
    let is_form = content_type.starts_with("application/x-www-form-urlencoded")
        || !content.contains(char::is_whitespace) && content.contains('=');
    if is_form && !is_other { hide_in_form(content, variables) } else { hide(content, variables) }
}

/// Cookies, of which some are variables already.
fn cookie_text(value: &str, variables: &mut DraftVariables) -> String {
    let mut pairs = Vec::new();
    for pair in value.split(';') {
        let pair = pair.trim();
        match pair.split_once('=') {
            Some((name, value)) if !is_reference(value) => {
                pairs.push(format!("{name}={}", variables.reference(name, value)));
            }
            _ => pairs.push(pair.to_owned()),
        }
    }
    pairs.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_become_variables() {
        for (name, value, expected) in [
            ("Authorization", "Bearer abc", "Bearer ${AUTHORIZATION}"),
            ("Authorization", "Token ${capture:t}", "Token ${capture:t}"),
            ("cookie", "sid=1; a=2", "${COOKIE}"),
            ("Cookie", "sid=${capture:sid}; a=2", "sid=${capture:sid}; a=${A}"),
            ("X-Api-Key", "k", "${X_API_KEY}"),
            ("x-csrf", "k", "${X_CSRF}"),
            ("Referer", "https://a/?token=k", "https://a/?token=${TOKEN}"),
            ("Accept", "$${x}", "$${x}"),
        ] {
            assert_eq!(field_text(name, value, &mut DraftVariables::default()), expected);
        }
        let mut variables = DraftVariables::default();
        assert_eq!(
            target_text("/a?page=2&access_token=a,c&sig=1", &mut variables),
            "/a?page=2&access_token=${ACCESS_TOKEN}&sig=${SIG}"
        );
    }

    #[test]
    fn content_is_known_by_itself() {
        for (media_type, content, expected) in [
            ("application/x-www-form-urlencoded", "u=a&password=b c", "u=a&password=${PASSWORD}"),
            ("", "u=a&pw=b", "u=a&pw=${PW}"),
            ("text/plain", r#"{"a":{"pin":"x"}}"#, r#"{"a":{"pin":"${PIN}"}}"#),
            ("application/json", r#"{ "a": 1 }"#, r#"{ "a": 1 }"#),
        ] {
            assert_eq!(content_text(media_type, content, &mut DraftVariables::default()), expected);
        }
    }
}
