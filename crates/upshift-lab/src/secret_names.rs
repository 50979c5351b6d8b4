//! Names of fields and parameters whose values may be secrets.

/// Returns true for a name whose value should not go to another endpoint, nor into a file.
pub(crate) fn may_be_secret(name: &str) -> bool {
    const SIGNS: [&str; 8] =
        ["auth", "cookie", "credential", "key", "password", "secret", "session", "token"];
    let name = name.to_ascii_lowercase();
    SIGNS.iter().any(|sign| name.contains(sign))
}
