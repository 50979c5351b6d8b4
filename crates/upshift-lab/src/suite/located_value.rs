//! The values of a suite in YAML or JSON, with their places.
//!
//! JSON is read as YAML, of which it is a part.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

/// A value, of which only the structure is kept.
#[derive(Debug)]
pub(super) enum LocatedValue {
    /// A mapping.
    Map(BTreeMap<String, Spanned<LocatedValue>>),
    /// A sequence.
    List(Vec<Spanned<LocatedValue>>),
    /// Anything else.
    Scalar,
}

impl LocatedValue {
    /// Reads a text; `None` if it is neither YAML nor JSON.
    pub(super) fn parse(text: &str) -> Option<Spanned<Self>> {
        serde_saphyr::from_str(text).ok()
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Spanned<Self>> {
        match self {
            Self::Map(members) => members.get(key),
            Self::List(_) | Self::Scalar => None,
        }
    }

    /// The element at `index`.
    pub(super) fn element(&self, index: usize) -> Option<&Spanned<Self>> {
        match self {
            Self::List(elements) => elements.get(index),
            Self::Map(_) | Self::Scalar => None,
        }
    }
}

impl<'de> Deserialize<'de> for LocatedValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = LocatedValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LocatedValue, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((key, value)) = map.next_entry()? {
            members.insert(key, value);
        }
        Ok(LocatedValue::Map(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<LocatedValue, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(LocatedValue::List(elements))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<LocatedValue, E> {
        Ok(LocatedValue::Scalar)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<LocatedValue, E> {
        Ok(LocatedValue::Scalar)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<LocatedValue, E> {
        Ok(LocatedValue::Scalar)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<LocatedValue, E> {
        Ok(LocatedValue::Scalar)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<LocatedValue, E> {
        Ok(LocatedValue::Scalar)
    }

    fn visit_unit<E: de::Error>(self) -> Result<LocatedValue, E> {
        Ok(LocatedValue::Scalar)
    }
}
