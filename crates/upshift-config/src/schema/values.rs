//! Values that several keys of the policy file take.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// One value, or a list of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum OneOrMore<T> {
    /// One.
    One(T),
    /// A list.
    More(Vec<T>),
}

/// A value, or `false` for none.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum OrFalse<T> {
    /// A value.
    Value(T),
    /// `false`: none.
    False(False),
}

/// `false`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub struct False(pub bool);

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
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub toml::value::Datetime);

impl JsonSchema for Moment {
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
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Duration(#[schemars(regex(pattern = r"^\s*([0-9]+\s*(ms|s|m|h|d|w)\s*)+$"))] pub String);

/// A size: `64 KiB`, or a number of bytes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Size {
    /// A number and its unit.
    Text(#[schemars(regex(pattern = r"^\s*[0-9]+\s*([bB]|[kKmMgG][iI]?[bB])?\s*$"))] String),
    /// Bytes.
    Bytes(u64),
}

/// A share from 0 to 1.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Share(#[schemars(range(min = 0.0, max = 1.0))] pub f64);
