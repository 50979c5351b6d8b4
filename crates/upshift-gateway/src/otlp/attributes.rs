//! Attributes, and the resource and the scope that all data has.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// An attribute whose value is a text.
pub(super) fn text(name: &str, value: impl Into<String>) -> KeyValue {
    attribute(name, Value::StringValue(value.into()))
}

/// An attribute whose value is a number.
pub(super) fn number(name: &str, value: i64) -> KeyValue {
    attribute(name, Value::IntValue(value))
}

fn attribute(name: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: name.to_owned(), value, ..KeyValue::default() }
}

/// An attribute that is true.
pub(super) fn flag(name: &str) -> KeyValue {
    attribute(name, Value::BoolValue(true))
}

/// The resource with these attributes, given as names and values.
pub(super) fn resource(pairs: &[(String, String)]) -> Resource {
    let mut attributes = Vec::new();
    for (name, value) in pairs {
        attributes.push(text(name, value));
    }
    Resource { attributes, ..Resource::default() }
}

/// This program as the source of its data.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "upshift".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}
