//! The times that servers write.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

/// The way in which a format writes the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeFormat {
    /// `25/Nov/2026:12:20:51 +0000`, in brackets or not. Without an offset, as HAProxy writes it,
    /// it is local time.
    Clf,
    /// `2026-11-25T12:20:51Z`, with an offset and any number of decimals.
    Iso,
    /// Seconds since 1970, with or without decimals.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Microseconds since 1970.
    Microseconds,
    /// A number since 1970 in a unit that follows from its size, or [`TimeFormat::Iso`].
    Any,
}

/// Parses times. Most lines have the second of the line before, or its minute, which are not parsed
/// again.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// The zone of times without an offset.
    zone: TimeZone,
    minute: [u8; 17],
    offset: [u8; 6],
    begin_of_minute: i64,
    /// The time that was read last, in the usual form, and its seconds.
    last: ([u8; CLF_LENGTH], i64),
    iso: IsoMinute,
}

/// The minute of the last time in the form of ISO 8601.
#[derive(Clone, Debug, Default)]
struct IsoMinute {
    /// `2026-11-25T12:20:`.
    text: [u8; 17],
    /// `Z`, or an offset; zeros after it.
    offset: [u8; 6],
    begin: i64,
}

/// The length of `25/Nov/2026:12:20:51 +0000`.
const CLF_LENGTH: usize = 26;

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

impl Clock {
    /// A clock for which times without an offset are in `zone`.
    pub(crate) fn new(zone: TimeZone) -> Self {
        let last = ([0; CLF_LENGTH], 0);
        Self {
            zone,
            minute: [0; 17],
            offset: [0; 6],
            begin_of_minute: 0,
            last,
            iso: IsoMinute::default(),
        }
    }

    /// The seconds since 1970.
    pub(crate) fn read(&mut self, format: TimeFormat, text: &[u8]) -> Option<i64> {
        match format {
            TimeFormat::Clf => self.read_clf(text),
            TimeFormat::Iso => self.read_iso(text),
            TimeFormat::Seconds => read_number(text, 0),
            TimeFormat::Milliseconds => read_number(text, 3),
            TimeFormat::Microseconds => read_number(text, 6),
            TimeFormat::Any => self.read_any(text),
        }
    }

    /// `25/Nov/2026:12:20:51 +0000`, or `25/Nov/2026:12:20:51.218` in local time.
    pub(crate) fn read_clf(&mut self, text: &[u8]) -> Option<i64> {
        let Ok(usual) = <&[u8; CLF_LENGTH]>::try_from(text) else { return self.parse_clf(text) };
        if *usual != self.last.0 {
            self.last = (*usual, self.parse_clf(text)?);
        }
        Some(self.last.1)
    }

    fn parse_clf(&mut self, text: &[u8]) -> Option<i64> {
        let bare = text.strip_prefix(b"[").unwrap_or(text);
        let bare = bare.strip_suffix(b"]").unwrap_or(bare);
        let (minute, rest) = bare.split_first_chunk::<17>()?;
        let [b':', tens, units, zone @ ..] = rest else { return None };
        if !tens.is_ascii_digit() || !units.is_ascii_digit() {
            return None;
        }
        let offset = match zone {
            [] | [b'.', ..] => [0; 6],
            _ => *zone.first_chunk::<6>()?,
        };
        if *minute != self.minute || offset != self.offset {
            self.begin_of_minute = self.parse_minute(minute, offset)?;
            self.minute = *minute;
            self.offset = offset;
        }
        Some(self.begin_of_minute + i64::from(tens - b'0') * 10 + i64::from(units - b'0'))
    }

    fn parse_minute(&self, minute: &[u8; 17], offset: [u8; 6]) -> Option<i64> {
        let text = std::str::from_utf8(minute).ok()?;
        let month = MONTHS.iter().position(|month| month[..] == minute[3..6])?;
        let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
        let date = Date::new(
            number(7..11)?,
            i8::try_from(month + 1).ok()?,
            i8::try_from(number(0..2)?).ok()?,
        );
        let (hour, minutes) =
            (i8::try_from(number(12..14)?).ok()?, i8::try_from(number(15..17)?).ok()?);
        let civil =
            DateTime::from_parts(date.ok()?, jiff::civil::Time::new(hour, minutes, 0, 0).ok()?);
        if offset == [0; 6] {
            return Some(self.zone.to_zoned(civil).ok()?.timestamp().as_second());
        }
        let seconds = i64::from(parse_offset(&offset)?);
        Some(Offset::UTC.to_timestamp(civil).ok()?.as_second() - seconds)
    }

    fn read_iso(&mut self, text: &[u8]) -> Option<i64> {
        let Some((minute, second, offset)) = split_iso(text) else { return self.parse_iso(text) };
        if *minute != self.iso.text || offset != self.iso.offset {
            let begin = self.parse_iso(text)? - second;
            self.iso = IsoMinute { text: *minute, offset, begin };
        }
        Some(self.iso.begin + second)
    }

    fn parse_iso(&self, text: &[u8]) -> Option<i64> {
        let text = std::str::from_utf8(text).ok()?;
        let bare = text.trim_matches(['[', ']', '"']);
        if let Ok(time) = bare.parse::<Timestamp>() {
            return Some(time.as_second());
        }
        let civil: DateTime = bare.parse().ok()?;
        let zoned: Zoned = self.zone.to_zoned(civil).ok()?;
        Some(zoned.timestamp().as_second())
    }

    fn read_any(&mut self, text: &[u8]) -> Option<i64> {
        if !text.first()?.is_ascii_digit() || text.get(4) == Some(&b'-') {
            return self.read_iso(text);
        }
        if text.get(2) == Some(&b'/') {
            return self.read_clf(text);
        }
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let exponent = match digits {
            0..=11 => 0,
            12..=14 => 3,
            15..=17 => 6,
            _ => 9,
        };
        read_number(text, exponent)
    }
}

/// The minute, the second and the offset of `2026-11-25T12:20:51.218+01:00`; `None` if it has another
/// form.
fn split_iso(text: &[u8]) -> Option<(&[u8; 17], i64, [u8; 6])> {
    let (minute, rest) = text.split_first_chunk::<17>()?;
    let [.., b':', _, _, b':'] = minute else { return None };
    let [tens @ b'0'..=b'5', units @ b'0'..=b'9', rest @ ..] = rest else { return None };
    let zone = match rest {
        [b'.', decimals @ ..] => {
            let digits = decimals.iter().take_while(|byte| byte.is_ascii_digit()).count();
            // Without a digit after the point, it is no time.
            if digits == 0 || digits > 9 { return None } else { &decimals[digits..] }
        }
        _ => rest,
    };
    let mut offset = [0; 6];
    match zone {
        b"Z" | [b'+' | b'-', _, _, b':', _, _] => {
            offset[..zone.len()].copy_from_slice(zone);
        }
        _ => return None,
    }
    Some((minute, i64::from(tens - b'0') * 10 + i64::from(units - b'0'), offset))
}

/// `+0100` in seconds, with a space before it.
fn parse_offset(text: &[u8; 6]) -> Option<i32> {
    let [b' ', sign, digits @ ..] = text else { return None };
    let digits: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let seconds = i32::from(digits / 100) * 3_600 + i32::from(digits % 100) * 60;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// Reads a number of 10^-`exponent` seconds.
fn read_number(text: &[u8], exponent: u32) -> Option<i64> {
    let whole = text.split(|byte| *byte == b'.').next()?;
    // serde_json would write a large float with an exponent, which no server does.
    let number: i64 = std::str::from_utf8(whole).ok()?.parse().ok()?;
    let seconds = number / 10_i64.pow(exponent);
    Timestamp::from_second(seconds).ok()?;
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().map(Timestamp::as_second).unwrap_or_default()
    }

    #[test]
    fn times_are_read_as_servers_write_them() {
        let mut clock = Clock::new(TimeZone::UTC);
        for (format, text, wanted) in [
            (TimeFormat::Clf, "24/Nov/2026:23:59:59 +0100", "2026-11-24T22:59:59Z"),
            (TimeFormat::Clf, "[25/Nov/2026:00:00:07 -0330]", "2026-11-25T03:30:07Z"),
            (TimeFormat::Clf, "25/Nov/2026:12:20:51.218", "2026-11-25T12:20:51Z"),
            (TimeFormat::Iso, "2026-11-25T12:20:51+00:00", "2026-11-25T12:20:51Z"),
            (TimeFormat::Iso, "2026-11-25T12:20:52.5+00:00", "2026-11-25T12:20:52Z"),
            (TimeFormat::Iso, "2026-11-25T12:20:52Z", "2026-11-25T12:20:52Z"),
            (TimeFormat::Iso, "2026-11-25T12:20:07+01:00", "2026-11-25T11:20:07Z"),
            (TimeFormat::Iso, "20261125T122051.123Z", "2026-11-25T12:20:51Z"),
            (TimeFormat::Iso, "20261125T122051.145Z", "2026-11-25T12:20:51Z"),
            (TimeFormat::Iso, "[2026-11-25T12:20:51.165Z]", "2026-11-25T12:20:51Z"),
            (TimeFormat::Seconds, "1795609251.246", "2026-11-25T12:20:51Z"),
            (TimeFormat::Milliseconds, "1795609251201", "2026-11-25T12:20:51Z"),
            (TimeFormat::Any, "1795609251201000000", "2026-11-25T12:20:51Z"),
            (TimeFormat::Any, "2026-11-25T12:20:51Z", "2026-11-25T12:20:51Z"),
        ] {
            assert_eq!(clock.read(format, text.as_bytes()), Some(at(wanted)), "{text}");
        }
        for wrong in [
            "25/Foo/2026:12:20:51 +0000",
            "",
            "-",
            "25/Nov/2026:12:20:5",
            "31/Feb/2026:00:00:00 +0000",
        ] {
            assert_eq!(clock.read(TimeFormat::Clf, wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_time_without_an_offset_is_in_the_zone() {
        let mut clock = Clock::new(TimeZone::fixed(jiff::tz::offset(2)));
        let text = b"25/Nov/2026:12:20:51.218";
        assert_eq!(clock.read(TimeFormat::Clf, text), Some(at("2026-11-25T10:20:51Z")));
    }
}
