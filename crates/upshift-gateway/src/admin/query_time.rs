//! Times in requests to the admin API.

use upshift_config::parse_moment;
use upshift_core::Timestamp;

use super::problem::ApiProblem;

/// Reads the time of a field, a date or RFC 3339; `None` if it was left out.
pub(super) fn read_time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiProblem> {
    let Some(text) = text else { return Ok(None) };
    match parse_moment(text) {
        Some(time) => Ok(Some(time)),
        None => Err(ApiProblem::bad_request(format!(
            "`{name}` is not a valid time: expected 2026-11-30 or 2026-11-30T09:00:00Z"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_or_has_an_offset() {
        for (text, expected) in [
            ("2026-11-30", Some("2026-11-30T00:00:00Z")),
            ("2026-11-30T09:00:00Z", Some("2026-11-30T09:00:00Z")),
            ("2026-11-30T09:00:00", None),
            ("yesterday", None),
            ("", None),
        ] {
            let time = read_time("since", Some(text)).ok().flatten();
            assert_eq!(time, expected.and_then(|time| time.parse().ok()), "{text}");
        }
    }
}
