//! `Connection = #connection-option` (RFC 9110 §7.6.1).

use super::list::token_elements;
use crate::Fields;

/// The options of a message's `Connection` field, compared without case. All lines of the field
/// are one list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionOptions(Vec<Box<[u8]>>);

impl ConnectionOptions {
    /// Reads the field.
    pub fn from_fields(fields: &dyn Fields) -> Self {
        let options = token_elements(fields.all("connection"));
        Self(options.map(|option| option.to_ascii_lowercase().into()).collect())
    }

    /// Returns true if `option` (in lower case) is one of the options.
    pub fn contains(&self, option: &str) -> bool {
        self.0.iter().any(|have| &**have == option.as_bytes())
    }

    /// The options in lower case. RFC 9110 §7.6.1: an intermediary MUST remove the fields that they
    /// name.
    pub fn options(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_jointly_without_case() {
        let fields = vec![("Connection", "Keep-Alive, ,UPGRADE"), ("connection", "x-secret")];
        let connection = ConnectionOptions::from_fields(&fields);
        for option in ["upgrade", "keep-alive", "x-secret"] {
            assert!(connection.contains(option), "{option}");
        }
        assert!(!connection.contains("close"));
    }
}
