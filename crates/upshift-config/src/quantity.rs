//! Durations (`10m`, `1h30m`) and sizes (`64 KiB`).

use std::time::Duration;

use crate::toml_value::TomlValue;

const DURATION: &str = "a duration such as \"30s\", \"10m\" or \"1h30m\"";
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

impl TomlValue<'_> {
    /// A duration above zero.
    pub(crate) fn read_duration(&self) -> Option<Duration> {
        if self.as_toml().is_integer() {
            // With this wording the error says to put the number in quotes.
            self.report_type(&format!("a string, {DURATION}"));
            return None;
        }
        self.parse_with(DURATION, parse_duration)
    }

    /// A duration, which may be `0s`.
    pub(crate) fn read_duration_or_zero(&self) -> Option<Duration> {
        match self.as_str() {
            // `parse_duration` refuses zero, which is a mistake for every other key.
            Some(text) if text.trim() == "0s" => Some(Duration::ZERO),
            _ => self.read_duration(),
        }
    }

    /// A number of bytes: a size, or an integer of at least 1.
    pub(crate) fn read_size(&self) -> Option<u64> {
        if self.as_toml().is_integer() {
            // Bytes are the one unit that can be left out without doubt.
            return self.read_integer(1..=u64::MAX);
        }
        self.parse_with(SIZE, parse_size)
    }
}

/// Parses a duration such as `1h30m`: numbers with their units, the largest unit first.
///
/// # Errors
/// The expected form.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    let (mut total, mut smallest_unit) = (0_u64, u64::MAX);
    while !rest.is_empty() {
        let (count, unit, after) = split_quantity(rest)?;
        // `1m1h` and `1h1h` are more likely mistakes than sums.
        if unit >= smallest_unit {
            return Err("write each unit once, the largest first".to_owned());
        }
        smallest_unit = unit;
        let Some(part) = count.checked_mul(unit) else { return Err(TOO_LONG.to_owned()) };
        let Some(sum) = total.checked_add(part) else { return Err(TOO_LONG.to_owned()) };
        total = sum;
        rest = after;
    }
    match total {
        0 => Err("expected a duration above zero".to_owned()),
        total => Ok(Duration::from_millis(total)),
    }
}

const TOO_LONG: &str = "the duration is too long";

/// Splits the first count and its unit in milliseconds from a duration.
fn split_quantity(text: &str) -> Result<(u64, u64, &str), String> {
    let Some(digits) = text.find(|c: char| !c.is_ascii_digit()) else {
        return Err("the unit is missing: ms, s, m, h, d or w".to_owned());
    };
    // Either there are no digits, or more than a u64 holds.
    let Ok(count) = text[..digits].parse() else {
        return Err("expected a number and its unit: ms, s, m, h, d or w".to_owned());
    };
    // People write `10 m` and `1h 30m`, too.
    let after_digits = text[digits..].trim_start();
    let letters =
        after_digits.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after_digits.len());
    let (unit, rest) = after_digits.split_at(letters);
    let Some((_, length)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err("the units are ms, s, m, h, d and w".to_owned());
    };
    Ok((count, *length, rest.trim_start()))
}

fn parse_size(text: &str) -> Result<u64, String> {
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let unit = trimmed[digits..].trim().to_ascii_lowercase();
    let Ok(count) = trimmed[..digits].parse::<u64>() else {
        return Err("expected an integer and its unit".to_owned());
    };
    // `K` and `M` are not units here: they mean 1,000 in some programs and 1,024 in others.
    let Some((_, bytes)) = SIZES.iter().find(|(name, _)| *name == unit) else {
        return Err("the units are B, kB, KiB, MB, MiB and GiB".to_owned());
    };
    match count.checked_mul(*bytes) {
        None => Err("the size is too large".to_owned()),
        Some(0) => Err("expected a size above zero".to_owned()),
        Some(size) => Ok(size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_as_people_write_them() {
        assert_eq!(parse_duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("7d"), Ok(Duration::from_secs(7 * 86_400)));
        assert_eq!(parse_duration("1s500ms"), Ok(Duration::from_millis(1500)));
        for wrong in ["10", "m", "0s", "", "30m1h", "1h1h", "10x", "-1s", "99999999999999999999d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_size("64 KiB"), Ok(65_536));
        assert_eq!(parse_size("1MiB"), Ok(1 << 20));
        for wrong in ["64 K", "KiB", "0 B", "", "1.5 MiB"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
