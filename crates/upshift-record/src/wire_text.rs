//! Octets of a message, shown as text.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Octets from a start line or a field, with no encoding implied.
///
/// In JSON they are a string with one character per octet (ISO-8859-1), so that every octet that
/// was received can be written down and read back (RFC 9110 §5.5: recipients treat octets beyond
/// US-ASCII as opaque data).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireText(Vec<u8>);

impl WireText {
    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, with one character per octet.
    pub fn to_text(&self) -> String {
        self.0.iter().copied().map(char::from).collect()
    }

    /// Returns true if both are equal without regard to the case of ASCII letters.
    pub fn eq_ignore_ascii_case(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other.as_bytes())
    }
}

impl From<&str> for WireText {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<&[u8]> for WireText {
    fn from(octets: &[u8]) -> Self {
        Self(octets.to_vec())
    }
}

impl From<Vec<u8>> for WireText {
    fn from(octets: Vec<u8>) -> Self {
        Self(octets)
    }
}

impl fmt::Display for WireText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_text())
    }
}

impl fmt::Debug for WireText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_text(), f)
    }
}

impl Serialize for WireText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for WireText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut octets = Vec::with_capacity(text.len());
        for character in text.chars() {
            let Ok(octet) = u8::try_from(character) else {
                let message = format!("`{character}` is not one octet (U+0000 to U+00FF)");
                return Err(de::Error::custom(message));
            };
            octets.push(octet);
        }
        Ok(Self(octets))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn every_octet_survives_json() {
        let all: Vec<u8> = (0..=255).collect();
        let text = WireText::from(all);
        let json = serde_json::to_string(&text).unwrap();
        assert_eq!(serde_json::from_str::<WireText>(&json).unwrap(), text);
    }

    #[test]
    fn a_character_that_is_no_octet_is_an_error() {
        let error = serde_json::from_str::<WireText>("\"a€\"").unwrap_err().to_string();
        assert!(error.contains("`€` is not one octet"), "{error}");
    }
}
