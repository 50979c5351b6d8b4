//! The status codes that a suite expects.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Status codes: `426`, `"4xx"`, `"!426"` for any other, or a list of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusExpectation(Vec<StatusPattern>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatusPattern {
    /// One code.
    Code(u16),
    /// All codes with this first digit.
    Class(u16),
    /// All codes but this one.
    Other(u16),
}

impl StatusExpectation {
    /// Expects one code.
    pub fn code(code: u16) -> Self {
        Self(vec![StatusPattern::Code(code)])
    }

    /// Expects a code with this first digit.
    pub fn class(digit: u16) -> Self {
        Self(vec![StatusPattern::Class(digit)])
    }

    /// Expects any code but this one.
    pub fn other_than(code: u16) -> Self {
        Self(vec![StatusPattern::Other(code)])
    }

    /// Expects what one of the two expects.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Returns true if `status` is expected: it is none of the excluded codes, and one of the named
    /// ones where some are named.
    pub fn includes(&self, status: u16) -> bool {
        let mut names_some = false;
        let mut is_named = false;
        for pattern in &self.0 {
            match pattern {
                StatusPattern::Other(code) if *code == status => return false,
                StatusPattern::Other(_) => continue,
                StatusPattern::Code(code) => is_named |= *code == status,
                StatusPattern::Class(class) => is_named |= *class == status / 100,
            }
            names_some = true;
        }
        is_named || !names_some
    }

    /// The expectation as a suite writes it: `426`, or `[200, "4xx"]`.
    pub(super) fn to_toml(&self) -> String {
        let mut values = Vec::new();
        for pattern in &self.0 {
            values.push(match pattern {
                StatusPattern::Code(code) => code.to_string(),
                StatusPattern::Class(class) => format!("\"{class}xx\""),
                StatusPattern::Other(code) => format!("\"!{code}\""),
            });
        }
        match values.as_slice() {
            [value] => value.clone(),
            values => format!("[{}]", values.join(", ")),
        }
    }
}

impl fmt::Display for StatusExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, pattern) in self.0.iter().enumerate() {
            let separator = match pattern {
                _ if place == 0 => "",
                StatusPattern::Other(_) => ", ",
                StatusPattern::Code(_) | StatusPattern::Class(_) => " or ",
            };
            match pattern {
                StatusPattern::Code(code) => write!(f, "{separator}{code}")?,
                StatusPattern::Class(class) => write!(f, "{separator}{class}xx")?,
                StatusPattern::Other(code) => write!(f, "{separator}not {code}")?,
            }
        }
        Ok(())
    }
}

impl StatusPattern {
    fn from_code(code: i64) -> Result<Self, String> {
        match u16::try_from(code) {
            Ok(code @ 100..=599) => Ok(Self::Code(code)),
            _ => Err(format!("`{code}` is not a status code (100 to 599)")),
        }
    }

    fn from_text(text: &str) -> Result<Self, String> {
        if let Some(code) = text.strip_prefix('!') {
            let code = code.parse::<i64>().ok().map(Self::from_code);
            return match code {
                Some(Ok(Self::Code(code))) => Ok(Self::Other(code)),
                _ => Err(format!("`{text}` excludes no status code; write \"!426\"")),
            };
        }
        match text.strip_suffix("xx").map(str::as_bytes) {
            Some([digit @ b'1'..=b'5']) => Ok(Self::Class(u16::from(digit - b'0'))),
            _ => Err(format!("`{text}` is not a class of status codes, such as \"4xx\"")),
        }
    }
}

impl<'de> Deserialize<'de> for StatusExpectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StatusVisitor)
    }
}

struct StatusVisitor;

impl<'de> Visitor<'de> for StatusVisitor {
    type Value = StatusExpectation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a status code, a class such as \"4xx\", \"!426\", or a list of these")
    }

    fn visit_i64<E: de::Error>(self, code: i64) -> Result<StatusExpectation, E> {
        let pattern = StatusPattern::from_code(code).map_err(E::custom)?;
        Ok(StatusExpectation(vec![pattern]))
    }

    fn visit_u64<E: de::Error>(self, code: u64) -> Result<StatusExpectation, E> {
        self.visit_i64(i64::try_from(code).unwrap_or(i64::MAX))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<StatusExpectation, E> {
        let pattern = StatusPattern::from_text(text).map_err(E::custom)?;
        Ok(StatusExpectation(vec![pattern]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<StatusExpectation, A::Error> {
        let mut patterns = Vec::new();
        while let Some(StatusExpectation(more)) = list.next_element()? {
            patterns.extend(more);
        }
        if patterns.is_empty() {
            return Err(de::Error::custom("an empty list of status codes includes none"));
        }
        Ok(StatusExpectation(patterns))
    }
}

impl schemars::JsonSchema for StatusExpectation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StatusExpectation".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = serde_json::json!([
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": "^([1-5]xx|![1-5][0-9]{2})$" },
        ]);
        schemars::json_schema!({
            "description": "A status code, a class such as \"4xx\", \"!426\" for any other code, or a list of these.",
            "anyOf": [one[0], one[1], { "type": "array", "minItems": 1, "items": { "anyOf": one } }],
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    fn parse(json: &str) -> Result<StatusExpectation, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn codes_and_classes_are_read() {
        let expected = parse("[200, \"4xx\"]").unwrap();
        assert!(expected.includes(200) && expected.includes(426) && !expected.includes(201));
        assert_eq!(expected.to_string(), "200 or 4xx");
    }

    #[test]
    fn a_code_is_excluded() {
        let expected = parse("\"!426\"").unwrap();
        assert!(expected.includes(200) && !expected.includes(426));
        let expected = parse("[\"4xx\", \"!426\"]").unwrap();
        assert!(expected.includes(404) && !expected.includes(426) && !expected.includes(200));
        assert_eq!(expected.to_string(), "4xx, not 426");
        assert_eq!(expected.to_toml(), "[\"4xx\", \"!426\"]");
    }

    #[test]
    fn what_is_no_status_code_is_an_error() {
        for json in ["99", "600", "\"426\"", "\"6xx\"", "\"!4xx\"", "[]", "-1", "true"] {
            assert!(parse(json).is_err(), "{json}");
        }
    }
}
