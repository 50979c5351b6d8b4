//! Secrets in what a response is expected to have.

use super::secret_text::has_secret;
use crate::secret_names::may_be_secret;

/// The attributes of `Set-Cookie` (RFC 6265 §5.2), which are no secrets.
const COOKIE_ATTRIBUTES: [&str; 6] =
    ["domain", "expires", "max-age", "path", "samesite", "priority"];

/// Returns true if `value`, or a part of the value of a response field, is a secret.
pub(super) fn is_secret_field(name: &str, value: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    if lower == "set-cookie" {
        return value.split(';').any(is_cookie);
    }
    // These names have `auth` and `credentials` in them.
    let is_public = lower.ends_with("-authenticate") || lower.starts_with("access-control-");
    // A URL is expected without its query.
    let is_url = lower == "location" || lower == "content-location";
    if is_public || is_url { false } else { may_be_secret(name) || has_secret(value) }
}

/// Returns true if a member of the content of a response is a secret.
pub(super) fn is_secret_member(pointer: &str) -> bool {
    // Problem details and other errors have a `code`.
    pointer.split('/').any(|name| may_be_secret(name) && !name.eq_ignore_ascii_case("code"))
}

/// A line of a source for people: it ends behind the first name of a secret.
pub(super) fn without_secret(line: &str) -> String {
    let mut start = 0;
    for word in line.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && !"_-.".contains(c)) {
        let name = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let end = start + name.len();
        // `user: name:password` is an option of Hurl.
        let is_user = start == 0 && word == "user:";
        if (may_be_secret(name) || is_user) && end < line.len() {
            return format!("{}…", &line[..end]);
        }
        start += word.len();
    }
    line.to_owned()
}

/// Returns true for a pair with a value that is no attribute.
fn is_cookie(pair: &str) -> bool {
    let Some((name, value)) = pair.trim().split_once('=') else { return false };
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase();
    !value.trim().is_empty() && !COOKIE_ATTRIBUTES.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_expectations_are_known() {
        for (name, value, is_secret) in [
            ("Set-Cookie", "sid=S; Path=/", true),
            ("Set-Cookie", "HttpOnly", false),
            ("Set-Cookie", "Path=/", false),
            ("WWW-Authenticate", "Bearer realm=\"a\"", false),
            ("X-Token", "S", true),
            ("Refresh", "0; url=/a?token=S", true),
            ("Upgrade", "h2c", false),
        ] {
            assert_eq!(is_secret_field(name, value), is_secret, "{name}: {value}");
        }
        assert!(is_secret_member("/credentials/value") && !is_secret_member("/error/code"));
    }

    #[test]
    fn lines_end_behind_the_name_of_a_secret() {
        assert_eq!(without_secret("password: S"), "password…");
        assert_eq!(without_secret("header \"X-Token\" == \"S\""), "header \"X-Token…");
        assert_eq!(without_secret("user: bob:S"), "user…");
        assert_eq!(without_secret("duration < 1000"), "duration < 1000");
    }
}
