//! Field names (RFC 9110 §5.1).

use super::is_token;

/// The name of a field, kept as it was written and in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldName {
    written: Box<str>,
    lower: Box<str>,
}

impl FieldName {
    /// From a name; `None` if it is not a token (RFC 9110 §5.1).
    pub fn parse(name: &str) -> Option<Self> {
        if !is_token(name) {
            return None;
        }
        Some(Self { written: name.into(), lower: name.to_ascii_lowercase().into() })
    }

    /// From a name that is known to be a token, written in the usual capitalisation.
    pub(crate) fn title_cased(name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        Self { written: title_case(&lower).into(), lower: lower.into() }
    }

    /// The name as it was written.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The name in lower case, as [`Fields`](crate::Fields) expects it.
    pub fn lower(&self) -> &str {
        &self.lower
    }
}

/// A name in the usual capitalisation: `x-api-version` becomes `X-Api-Version`.
fn title_case(lower: &str) -> String {
    let mut name = String::with_capacity(lower.len());
    for (index, part) in lower.split('-').enumerate() {
        if index > 0 {
            name.push('-');
        }
        // RFC 6455 writes its fields `Sec-WebSocket-…`.
        if part == "websocket" {
            name.push_str("WebSocket");
            continue;
        }
        let mut characters = part.chars();
        name.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(characters.as_str());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_capitalised_as_usual() {
        for (name, written) in [
            ("x-api-version", "X-Api-Version"),
            ("ACCEPT", "Accept"),
            ("sec-websocket-protocol", "Sec-WebSocket-Protocol"),
            ("x--a", "X--A"),
        ] {
            let name = FieldName::title_cased(name);
            assert_eq!(name.written(), written);
        }
    }
}
