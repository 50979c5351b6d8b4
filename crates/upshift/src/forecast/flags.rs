//! The flags of `upshift forecast`.

use std::hash::{BuildHasher, RandomState};

use jiff::tz::TimeZone;
use upshift_core::{HttpVersion, TlsState, TlsVersion};
use upshift_forecast::FORMAT_NAMES;

/// A share, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share(f64);

/// A time zone.
#[derive(Clone, Debug)]
pub(crate) struct Zone(pub(super) TimeZone);

/// A fact that holds for all requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Assumption {
    /// The host.
    Host(String),
    /// The version of HTTP.
    Http(HttpVersion),
    /// The protection of the connection.
    Tls(TlsState),
}

impl Share {
    pub(super) fn fraction(self) -> f64 {
        self.0
    }
}

/// Parses a share: `1%`, `0.01`.
pub(super) fn parse_share(text: &str) -> Result<Share, String> {
    const EXPECTED: &str = "expected a share: 1% or 0.01";
    let (number, divisor) = match text.trim().strip_suffix('%') {
        Some(percent) => (percent.trim(), 100.0),
        None => (text.trim(), 1.0),
    };
    // Rust's parser would also take `1e3`, `+1`, `inf` and `nan`.
    if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(EXPECTED.to_owned());
    }
    let value: f64 = number.parse().map_err(|_| EXPECTED)?;
    let share = value / divisor;
    if share > 1.0 { Err(EXPECTED.to_owned()) } else { Ok(Share(share)) }
}

/// Parses the share of the requests that the logs hold, which is not 0.
pub(super) fn parse_sample(text: &str) -> Result<Share, String> {
    let share = parse_share(text)?;
    if share.0 > 0.0 { Ok(share) } else { Err("expected a share above 0".to_owned()) }
}

/// Parses a zone: `UTC`, `Europe/Berlin`, `+02:00`.
pub(super) fn parse_zone(text: &str) -> Result<Zone, String> {
    const EXPECTED: &str = "expected UTC, a name such as Europe/Berlin, or an offset: +02:00";
    if text == "UTC" {
        return Ok(Zone(TimeZone::UTC));
    }
    if text.starts_with(['+', '-']) {
        // With a colon, or without one.
        for form in ["%:z", "%z"] {
            let parsed = jiff::fmt::strtime::parse(form, text);
            if let Some(offset) = parsed.ok().and_then(|parsed| parsed.offset()) {
                return Ok(Zone(TimeZone::fixed(offset)));
            }
        }
        return Err(EXPECTED.to_owned());
    }
    match TimeZone::get(text) {
        Ok(zone) => Ok(Zone(zone)),
        Err(_) => Err(EXPECTED.to_owned()),
    }
}

/// Parses an assumption: `host=api.example.com`, `http=1.1`, `tls=1.3`.
pub(super) fn parse_assumption(text: &str) -> Result<Assumption, String> {
    const EXPECTED: &str = "expected host=NAME, http=VERSION, tls=VERSION, tls=some or tls=none";
    let (fact, value) = text.split_once('=').ok_or(EXPECTED)?;
    match (fact.trim(), value.trim()) {
        ("host", name) if !name.is_empty() => Ok(Assumption::Host(name.to_owned())),
        ("http", version) => {
            let version = HttpVersion::parse(version).ok_or("expected http=1.0, 1.1, 2 or 3")?;
            Ok(Assumption::Http(version))
        }
        ("tls", "none") => Ok(Assumption::Tls(TlsState::Cleartext)),
        ("tls", "some") => Ok(Assumption::Tls(TlsState::SomeVersion)),
        ("tls", version) => {
            let version = TlsVersion::parse(version)
                .ok_or("expected tls=1.0 to 1.3, tls=some or tls=none")?;
            Ok(Assumption::Tls(TlsState::Version(version)))
        }
        _ => Err(EXPECTED.to_owned()),
    }
}

/// A random key for the hashes of callers, which are not kept.
pub(super) fn random_key() -> [u8; 16] {
    // The keys of `RandomState` come from the operating system.
    let halves = [RandomState::new().hash_one(0), RandomState::new().hash_one(1)];
    let mut key = [0; 16];
    key[..8].copy_from_slice(&halves[0].to_le_bytes());
    key[8..].copy_from_slice(&halves[1].to_le_bytes());
    key
}

/// The examples, the formats and the exit codes.
pub(super) fn after_help() -> String {
    let mut text = String::from(
        "\
Examples:
  upshift forecast /var/log/nginx/access.log
  upshift forecast --at 2026-12-01 access.log access.log.1 access.log.2.gz
  upshift forecast --format 'nginx=$remote_addr [$time_local] \"$request\" $status' app.log
  upshift forecast --assume host=api.example.com --assume tls=1.3 api.log
  zstdcat big.log.zst | upshift forecast --json - | jq .total

Formats:
",
    );
    for (name, meaning) in FORMAT_NAMES {
        text.push_str(&format!("  {name:<20} {meaning}\n"));
    }
    text.push_str(
        "  nginx=LOG_FORMAT     the text of nginx's log_format
  apache=LOGFORMAT     the text of Apache's LogFormat
  json=FACT=KEY,…      JSON with these names: json=time=ts,target=req.uri,header:X-Api-Version=v
  haproxy=NAME|…       haproxy, with the names of the captured request fields

Exit codes: 0 success, 1 a greater share than --fail-above would be refused, 2 wrong usage, an
invalid policy or an unknown format, 3 a log cannot be read to its end, 4 no log has a request.",
    );
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    #[test]
    fn shares_are_fractions_or_percent() {
        assert_eq!(parse_share("1%").unwrap(), Share(0.01));
        assert_eq!(parse_share("0.25").unwrap(), Share(0.25));
        for wrong in ["", "%", "101%", "2", "-1%", "1e-2", "nan", "1,5%"] {
            assert!(parse_share(wrong).is_err(), "{wrong}");
        }
        assert!(parse_share("0").is_ok() && parse_sample("0%").is_err());
        assert_eq!(parse_sample("10%").unwrap(), Share(0.1));
    }

    #[test]
    fn assumptions_name_a_fact() {
        let tls = TlsState::Version(TlsVersion::V1_3);
        assert_eq!(parse_assumption("tls=1.3").unwrap(), Assumption::Tls(tls));
        assert_eq!(parse_assumption("tls=none").unwrap(), Assumption::Tls(TlsState::Cleartext));
        assert_eq!(
            parse_assumption("host=a.example").unwrap(),
            Assumption::Host("a.example".to_owned())
        );
        for wrong in ["", "tls", "tls=9", "http=4", "host=", "peer=1"] {
            assert!(parse_assumption(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn zones_are_names_or_offsets() {
        for zone in ["UTC", "Europe/Berlin", "+02:00", "-0330"] {
            parse_zone(zone).unwrap();
        }
        assert!(parse_zone("Nowhere/At_All").is_err() && parse_zone("+99:00").is_err());
    }
}
