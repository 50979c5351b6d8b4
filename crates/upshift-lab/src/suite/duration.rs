//! Durations in a suite: `500ms`, `5s`, `2m`.

use std::time::Duration;

use serde::de;
use serde::{Deserialize, Deserializer};

/// A duration with its unit, above zero and at most an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortDuration(pub Duration);

impl ShortDuration {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = text[..digits].parse().ok()?;
        let milliseconds = match &text[digits..] {
            "ms" => number,
            "s" => number.checked_mul(1000)?,
            "m" => number.checked_mul(60_000)?,
            _ => return None,
        };
        let is_in_range = (1..=3_600_000).contains(&milliseconds);
        is_in_range.then_some(Self(Duration::from_millis(milliseconds)))
    }
}

impl<'de> Deserialize<'de> for ShortDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(format!(
                "`{text}` is not a duration of at most an hour; write `500ms`, `5s` or `2m`"
            ))
        })
    }
}

impl schemars::JsonSchema for ShortDuration {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A duration of at most an hour: 500ms, 5s, 2m.",
            "type": "string",
            "pattern": "^[0-9]+(ms|s|m)$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_limits_kept() {
        assert_eq!(ShortDuration::parse("500ms"), Some(ShortDuration(Duration::from_millis(500))));
        assert_eq!(ShortDuration::parse("60m"), Some(ShortDuration(Duration::from_secs(3600))));
        for text in ["", "5", "s", "0s", "61m", "-1s", "1h", "99999999999999999999s", "1 s"] {
            assert_eq!(ShortDuration::parse(text), None, "{text}");
        }
    }
}
