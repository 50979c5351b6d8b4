//! Texts of TOML.

/// A string of one line.
pub(super) fn toml_string(text: &str) -> String {
    // A JSON string is a TOML string, except that TOML also escapes DEL.
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// A key, in quotes where it needs them.
pub(super) fn toml_key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { toml_string(name) }
}

/// A list of strings.
pub(super) fn toml_strings<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(toml_string).collect();
    format!("[{}]", texts.join(", "))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_and_strings_are_read_back(key in any::<String>(), text in any::<String>()) {
            let toml = format!("{} = {}", toml_key(&key), toml_string(&text));
            let table: toml::Table = toml.parse().unwrap();
            prop_assert_eq!(table[&key].as_str(), Some(text.as_str()));
        }
    }
}
