//! Values of a scenario file that TOML has no type for.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// Octets; in a file hexadecimal digits, with spaces where one likes: `"81 05 68656c6c6f"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HexOctets(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for HexOctets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits: Vec<char> = text.chars().filter(|digit| !digit.is_whitespace()).collect();
        let mut octets = Vec::new();
        for pair in digits.chunks(2) {
            let pair: String = pair.iter().collect();
            match u8::from_str_radix(&pair, 16) {
                Ok(octet) if pair.len() == 2 => octets.push(octet),
                _ => {
                    let message = "expected pairs of hexadecimal digits, as in `81 05 68`";
                    return Err(de::Error::custom(message));
                }
            }
        }
        Ok(Self(octets))
    }
}

/// A length of time; in a file `50ms`, `2s` or `1m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeSpan(pub(crate) Duration);

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let unit_start = text.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_start);
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            _ => {
                return Err(de::Error::custom("expected a time with its unit: `50ms`, `2s`, `1m`"));
            }
        };
        let count: u32 = number.parse().map_err(|_| {
            de::Error::custom("expected a time below 2³² units: `50ms`, `2s`, `1m`")
        })?;
        Ok(Self(Duration::from_millis(u64::from(count) * milliseconds)))
    }
}
