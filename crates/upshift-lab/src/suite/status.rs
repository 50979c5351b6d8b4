//! The status codes that a suite expects.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Status codes: `426`, `"4xx"`, or a list of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusExpectation(Vec<StatusPattern>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatusPattern {
    /// One code.
    Code(u16),
    /// All codes with this first digit.
    Class(u16),
}

impl StatusExpectation {
    /// Returns true if `status` is one of the expected codes.
    pub fn includes(&self, status: u16) -> bool {
        self.0.iter().any(|pattern| match pattern {
            StatusPattern::Code(code) => *code == status,
            StatusPattern::Class(class) => *class == status / 100,
        })
    }
}

impl fmt::Display for StatusExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, pattern) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { " or " };
            match pattern {
                StatusPattern::Code(code) => write!(f, "{separator}{code}")?,
                StatusPattern::Class(class) => write!(f, "{separator}{class}xx")?,
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

    fn from_class(text: &str) -> Result<Self, String> {
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
        f.write_str("a status code, a class such as \"4xx\", or a list of these")
    }

    fn visit_i64<E: de::Error>(self, code: i64) -> Result<StatusExpectation, E> {
        let pattern = StatusPattern::from_code(code).map_err(E::custom)?;
        Ok(StatusExpectation(vec![pattern]))
    }

    fn visit_u64<E: de::Error>(self, code: u64) -> Result<StatusExpectation, E> {
        self.visit_i64(i64::try_from(code).unwrap_or(i64::MAX))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<StatusExpectation, E> {
        let pattern = StatusPattern::from_class(text).map_err(E::custom)?;
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
            { "type": "string", "pattern": "^[1-5]xx$" },
        ]);
        schemars::json_schema!({
            "description": "A status code, a class such as \"4xx\", or a list of these.",
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
    fn what_is_no_status_code_is_an_error() {
        for json in ["99", "600", "\"426\"", "\"6xx\"", "[]", "-1", "true"] {
            assert!(parse(json).is_err(), "{json}");
        }
    }
}
