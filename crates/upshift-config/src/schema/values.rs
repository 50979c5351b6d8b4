//! Values that several keys of the policy file take.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// One value, or a list of them.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum OneOrMore<T> {
    /// One.
    One(T),
    /// A list.
    More(Vec<T>),
}

/// A value, or `false` for none.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum OrFalse<T> {
    /// A value.
    Value(T),
    /// `false`: none.
    False(False),
}

/// `false`.
pub(super) struct False;

impl JsonSchema for False {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "False".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": false })
    }
}

/// A date (midnight in UTC, or in the rollout's zone), or a date and time.
pub(super) struct DateValue;

impl JsonSchema for DateValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A date (midnight in UTC, or in the rollout's zone), or a date and time. Without quotes.",
            "type": "string",
            "anyOf": [{ "format": "date" }, { "format": "date-time" }, { "format": "partial-date-time" }],
        })
    }
}

/// A duration: `30s`, `10m`, `1h30m`, `7d`.
#[derive(JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "Duration")]
pub(super) struct DurationValue(
    #[schemars(regex(pattern = r"^\s*([0-9]+\s*(ms|s|m|h|d|w)\s*)+$"))] String,
);

/// A size: `64 KiB`, or a number of bytes.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Size")]
pub(super) enum SizeValue {
    /// A number and its unit.
    Text(#[schemars(regex(pattern = r"^\s*[0-9]+\s*([bB]|[kKmMgG][iI]?[bB])?\s*$"))] String),
    /// Bytes.
    Bytes(u64),
}

/// A share from 0 to 1.
#[derive(JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "Share")]
pub(super) struct ShareValue(#[schemars(range(min = 0.0, max = 1.0))] f64);
