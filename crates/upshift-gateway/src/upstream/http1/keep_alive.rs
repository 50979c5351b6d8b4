//! The time for which an upstream keeps an idle connection, from its `Keep-Alive` field.

use std::time::Duration;

/// The margin before the upstream's time-out in which a connection is not reused: a request that
/// arrives while the upstream closes the connection may be lost.
const MARGIN: Duration = Duration::from_secs(1);

/// The time for which a connection may be idle, according to a `Keep-Alive` value; `None` if it
/// states none.
///
/// RFC 2068 §19.7.1.1 defines the parameters. Servers send `timeout`, in seconds.
pub(super) fn idle_time(value: &[u8]) -> Option<Duration> {
    for parameter in value.split(|byte| matches!(byte, b',' | b';')) {
        let Ok(text) = std::str::from_utf8(parameter.trim_ascii()) else { continue };
        let Some((name, seconds)) = text.split_once('=') else { continue };
        if name.trim_end().eq_ignore_ascii_case("timeout") {
            let seconds = seconds.trim_start().trim_matches('"').parse().ok()?;
            return Some(Duration::from_secs(seconds).saturating_sub(MARGIN));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_read_in_every_spelling_of_servers() {
        for (value, seconds) in [
            ("timeout=5", Some(4)),
            ("timeout=5, max=100", Some(4)),
            ("max=100, Timeout = 15", Some(14)),
            ("timeout=\"15\"", Some(14)),
            ("timeout=1", Some(0)),
            ("timeout=0", Some(0)),
            ("300", None),
            ("timeout=", None),
            ("timeout=-1", None),
            ("max=5", None),
            ("", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(idle_time(value.as_bytes()), expected, "{value}");
        }
    }
}
