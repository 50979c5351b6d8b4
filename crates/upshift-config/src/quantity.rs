//! Durations (`10m`, `1h30m`) and sizes (`64 KiB`), as people write them.

use std::time::Duration;

use crate::document::Item;

/// What a duration looks like.
const DURATION: &str = "a duration such as \"30s\", \"10m\" or \"1h30m\"";
/// What a size looks like.
const SIZE: &str = "a size such as \"64 KiB\" or \"1 MiB\"";

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", SECOND), ("m", MINUTE), ("h", HOUR), ("d", DAY), ("w", 7 * DAY)];
const SIZES: [(&str, u64); 7] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("kib", 1 << 10),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
];

impl Item<'_> {
    /// A duration above zero.
    pub(crate) fn duration(&self) -> Option<Duration> {
        if self.value().is_integer() {
            return self.unexpected(&format!("a string, {DURATION}"));
        }
        self.parsed(DURATION, parse_duration)
    }

    /// A duration, which may be `0s`.
    pub(crate) fn duration_or_zero(&self) -> Option<Duration> {
        match self.value().as_str().map(str::trim) {
            Some("0s") => Some(Duration::ZERO),
            _ => self.duration(),
        }
    }

    /// A number of bytes: a size, or a whole number of at least 1.
    pub(crate) fn bytes(&self) -> Option<u64> {
        match self.value().is_integer() {
            true => self.integer(1..=u64::MAX),
            false => self.parsed(SIZE, parse_size),
        }
    }
}

/// Reads `1h30m` and the like: whole numbers, each with its unit, the greatest first.
///
/// # Errors
/// What was expected instead.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    let (mut total, mut smallest) = (0_u64, u64::MAX);
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .ok_or("the unit is missing: ms, s, m, h, d or w")?;
        let count: u64 = rest[..digits]
            .parse()
            .map_err(|_| "expected a number and its unit: ms, s, m, h, d or w")?;
        let after = rest[digits..].trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, length) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or("the units are ms, s, m, h, d and w".to_owned())?;
        if *length >= smallest {
            return Err("the greater unit comes first, each once".to_owned());
        }
        smallest = *length;
        total = count
            .checked_mul(*length)
            .and_then(|part| total.checked_add(part))
            .ok_or("that is too long")?;
        rest = after.trim_start();
    }
    match total {
        0 => Err("expected more than nothing".to_owned()),
        total => Ok(Duration::from_millis(total)),
    }
}

fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = text[digits..].trim().to_ascii_lowercase();
    let count: u64 = text[..digits].parse().map_err(|_| "expected a whole number and its unit")?;
    let (_, bytes) = SIZES
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or("the units are B, kB, KiB, MB, MiB and GiB")?;
    match count.checked_mul(*bytes) {
        Some(0) => Err("expected more than nothing".to_owned()),
        size => size.ok_or("that is too much".to_owned()),
    }
}

/// A duration as the file would write it.
pub fn write_duration(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, length) in UNITS[..5].iter().rev() {
        if left >= *length {
            text.push_str(&format!("{}{unit}", left / length));
            left %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_as_people_write_them() {
        assert_eq!(parse_duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("1h 30m"), Ok(Duration::from_secs(5400)));
        for wrong in ["10", "m", "0s", "", "30m1h", "1h1h", "10x", "-1s", "99999999999999999999d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_size("64 KiB"), Ok(65_536));
        assert_eq!(parse_size("1MiB"), Ok(1 << 20));
        for wrong in ["64 K", "KiB", "0 B", "", "1.5 MiB"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_duration_is_written_as_it_is_read() {
        for text in ["10m", "1h30m", "7d", "1s500ms"] {
            assert_eq!(parse_duration(text).map(write_duration), Ok(text.to_owned()));
        }
    }
}
