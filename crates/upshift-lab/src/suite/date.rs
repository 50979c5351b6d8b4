//! A day in a suite: `2027-01-31`.

use jiff::civil::Date;
use serde::de;
use serde::{Deserialize, Deserializer};

/// A day. In TOML it may stand without quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuiteDate(pub Date);

#[derive(Deserialize)]
#[serde(untagged)]
enum DateText {
    Toml(toml::value::Datetime),
    Text(String),
}

impl<'de> Deserialize<'de> for SuiteDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let unusable = "expected a day, as `2027-01-31`";
        let text = match DateText::deserialize(deserializer) {
            Ok(DateText::Toml(date)) => date.to_string(),
            Ok(DateText::Text(text)) => text,
            Err(_) => return Err(de::Error::custom(unusable)),
        };
        let date = text.parse().map_err(|_| de::Error::custom(format!("{unusable}; got `{text}`")));
        Ok(Self(date?))
    }
}

impl schemars::JsonSchema for SuiteDate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A day: 2027-01-31.",
            "type": "string",
            "format": "date",
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use std::collections::BTreeMap;

    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_day_needs_no_quotes_in_toml() {
        for text in ["a = 2027-01-31", "a = '2027-01-31'"] {
            let read: BTreeMap<String, SuiteDate> = toml::from_str(text).unwrap();
            assert_eq!(read["a"].0, date(2027, 1, 31), "{text}");
        }
    }

    #[test]
    fn other_values_are_mistakes() {
        for text in ["a = 2027-01-31T10:00:00Z", "a = 'soon'", "a = 1"] {
            let error = toml::from_str::<BTreeMap<String, SuiteDate>>(text).unwrap_err();
            assert!(error.message().contains("expected a day"), "{text}: {error}");
        }
    }
}
