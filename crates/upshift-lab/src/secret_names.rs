//! Names of fields and parameters whose values may be secrets.

/// Parts that make a name telling, wherever they are in it.
#[rustfmt::skip]
const SIGNS: [&str; 19] = [
    "assertion", "auth", "bearer", "cookie", "credential", "csrf", "hmac", "jwt", "key", "passcode",
    "passphrase", "passw", "pwd", "saml", "secret", "session", "signature", "token", "xsrf",
];

/// Words that are telling as such, but are parts of other words, too: `pin` of `spinning`.
#[rustfmt::skip]
const WORDS: [&str; 18] = [
    "2fa", "cred", "creds", "jsessionid", "mfa", "nonce", "otp", "otps", "pass", "phpsessid", "pin",
    "pins", "pw", "sid", "sig", "totp", "tan", "verifier",
];

/// Whole names. `country_code` is no secret, the `code` of an OAuth callback is one.
const NAMES: [&str; 4] = ["code", "codes", "device_code", "user_code"];

/// Returns true for a name whose value should not go to another endpoint, nor into a file.
pub(crate) fn may_be_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SIGNS.iter().any(|sign| lower.contains(sign))
        || NAMES.contains(&lower.as_str())
        || words_of(name).iter().any(|word| WORDS.contains(&word.as_str()))
}

/// The words of `userPin`, `user_pin` and `user[pin]`, in lower case.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous = ' ';
    for character in name.chars() {
        let begins_word = character.is_ascii_uppercase() && previous.is_ascii_lowercase();
        if begins_word || !character.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| character.is_alphanumeric()) {
            word.push(character.to_ascii_lowercase());
        }
        previous = character;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known() {
        for name in [
            "token",
            "access_token",
            "passwords",
            "passwd",
            "pwd",
            "pw",
            "userPin",
            "otp",
            "code",
            "apikey",
            "sig",
            "X-Amz-Signature",
            "X-Amz-Credential",
            "X-Amz-Security-Token",
            "connect.sid",
            "x-csrf",
            "credentials",
            "user[pass]",
            "client_assertion",
            "SAMLResponse",
            "code_verifier",
        ] {
            assert!(may_be_secret(name), "{name}");
        }
        for name in ["spinning", "country_code", "page", "design", "side", "compass", "api-version"]
        {
            assert!(!may_be_secret(name), "{name}");
        }
    }
}
