//! The JSON Schema that content has to meet.

use std::fmt;

use jsonschema::Validator;
use serde_json::Value;
use upshift_record::suite::Mismatch;

/// The most faults that are named.
const MOST_FAULTS: usize = 5;

/// A JSON Schema, ready to be compared with content.
pub struct ContentSchema(Validator);

impl ContentSchema {
    /// Reads a schema. References to other documents are not followed.
    ///
    /// # Errors
    /// If the text is not JSON, or no schema.
    pub fn parse(text: &str) -> Result<Self, String> {
        let schema: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match jsonschema::validator_for(&schema) {
            Ok(validator) => Ok(Self(validator)),
            Err(error) => Err(match outside_reference(&schema) {
                Some(reference) => format!(
                    "`{reference}` is in another document; copy it below `$defs`, and write \
                     `#/$defs/NAME`"
                ),
                None => error.to_string(),
            }),
        }
    }

    /// Lists the faults of `content`.
    pub fn judge(&self, content: &[u8]) -> Vec<Mismatch> {
        let value: Value = match serde_json::from_slice(content) {
            Ok(value) => value,
            Err(error) => {
                return vec![Mismatch::new(
                    "content",
                    "JSON that fits the schema",
                    error.to_string(),
                )];
            }
        };
        let mut mismatches = Vec::new();
        for error in self.0.iter_errors(&value).take(MOST_FAULTS) {
            let pointer = error.instance_path().to_string();
            let place = if pointer.is_empty() { "its root" } else { &pointer };
            let what = format!("content at {place}");
            mismatches.push(Mismatch::new(what, "JSON that fits the schema", error.to_string()));
        }
        mismatches
    }
}

/// The first reference that leads out of the document.
fn outside_reference(schema: &Value) -> Option<&str> {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref")
                && !reference.starts_with('#')
            {
                return Some(reference);
            }
            members.values().find_map(outside_reference)
        }
        Value::Array(elements) => elements.iter().find_map(outside_reference),
        _ => None,
    }
}

impl fmt::Debug for ContentSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentSchema").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn content_is_compared_with_the_schema() {
        let text = r#"{"type": "object", "required": ["rule"],
            "properties": {"rule": {"type": "string"}}}"#;
        let schema = ContentSchema::parse(text).unwrap();
        assert_eq!(schema.judge(br#"{"rule": "tls"}"#), []);
        let faults = schema.judge(br#"{"rule": 1}"#);
        assert_eq!((faults.len(), faults[0].what.as_str()), (1, "content at /rule"));
        assert_eq!(schema.judge(b"{}").len(), 1);
        assert_eq!(schema.judge(b"<html>").len(), 1);
    }

    #[test]
    fn a_text_that_is_no_schema_is_a_mistake() {
        assert!(ContentSchema::parse("{").is_err());
        assert!(ContentSchema::parse(r#"{"type": 7}"#).is_err());
        for reference in ["s.json", "https://a.example/s.json", "file:///s.json"] {
            let text = format!(r#"{{"allOf": [{{"$ref": "{reference}"}}]}}"#);
            let error = ContentSchema::parse(&text).unwrap_err();
            assert!(error.starts_with(&format!("`{reference}` is in another document")), "{error}");
        }
    }
}
