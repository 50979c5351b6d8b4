//! Breakers that see too few callers to trip, at a given rate of requests.

use std::collections::BTreeMap;

use upshift_core::Policy;
use upshift_record::PlanEntry;
use upshift_record::control::RolloutStatus;

/// The rate of all requests together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RequestRate {
    per_second: f64,
    /// The rate as the user wrote it.
    text: String,
}

/// The conditions under which a breaker trips.
#[derive(Clone, Copy, Debug)]
pub(super) struct BreakerNeed {
    window: u32,
    minimum: u64,
    refused_share: f64,
}

/// Parses a rate: `2000/min`, `50/s`, `1.5/h`.
pub(super) fn parse_rate(text: &str) -> Result<RequestRate, String> {
    const EXPECTED: &str = "expected a number and a unit: 50/s, 2000/min, 300/h or 10/d";
    let (number, unit) = text.trim().split_once('/').ok_or(EXPECTED)?;
    let seconds = match unit.trim() {
        "s" | "sec" | "second" => 1.0,
        "m" | "min" | "minute" => 60.0,
        "h" | "hour" => 3_600.0,
        "d" | "day" => 86_400.0,
        _ => return Err(EXPECTED.to_owned()),
    };
    // Rust's parser would also take `1e3`, `+1`, `inf` and `nan`.
    if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(EXPECTED.to_owned());
    }
    let requests: f64 = number.parse().map_err(|_| EXPECTED)?;
    if !(requests > 0.0 && requests <= 1e12) {
        return Err("expected a rate above 0, and at most 1000000000000".to_owned());
    }
    Ok(RequestRate { per_second: requests / seconds, text: text.trim().to_owned() })
}

/// The needs of the breakers of a policy, by rule.
pub(super) fn needs_of_policy(policy: &Policy) -> BTreeMap<String, BreakerNeed> {
    let mut needs = BTreeMap::new();
    for rule in policy.rules() {
        if let Some(breaker) = rule.breaker {
            let need = BreakerNeed {
                window: breaker.window,
                minimum: breaker.minimum.into(),
                refused_share: breaker.refused_share,
            };
            needs.insert(rule.id.to_string(), need);
        }
    }
    needs
}

/// The needs of the breakers of a running gateway, by rule.
pub(super) fn needs_of_gateway(status: &RolloutStatus) -> BTreeMap<String, BreakerNeed> {
    let mut needs = BTreeMap::new();
    for rule in &status.rules {
        if let Some(breaker) = &rule.breaker {
            let need = BreakerNeed {
                window: breaker.window,
                minimum: breaker.minimum,
                refused_share: breaker.refused_share,
            };
            needs.insert(rule.rule.clone(), need);
        }
    }
    needs
}

/// Adds a note to the first stretch of each rule that refuses callers, if its breaker cannot trip
/// at this rate.
pub(super) fn note_blind_breakers(
    entries: &mut [PlanEntry],
    needs: &BTreeMap<String, BreakerNeed>,
    rate: &RequestRate,
    replicas: u32,
) {
    let mut noted = Vec::new();
    for entry in entries {
        let Some(need) = needs.get(&entry.rule) else { continue };
        let Some(reason) = why_never_trips(*need, rate, replicas) else { continue };
        // Also for stretches that refuse no one: their notes may promise that the breaker stops
        // them.
        entry.expect_no_trip();
        let refuses = entry.share > 0.0 || entry.share_at_end.is_some();
        // True of the whole rule, so one note is enough.
        if refuses && !noted.contains(&entry.rule) {
            noted.push(entry.rule.clone());
            entry.notes.push(reason);
        }
    }
}

/// The reason why a breaker with this need never trips; `None` if it can.
fn why_never_trips(need: BreakerNeed, rate: &RequestRate, replicas: u32) -> Option<String> {
    let BreakerNeed { window, minimum, refused_share } = need;
    if refused_share >= 1.0 {
        return Some(
            "the breaker can never trip: no share is greater than its refused-share".to_owned(),
        );
    }
    // Each replica counts for itself, and a request has one identity at most.
    let most = rate.per_second * f64::from(window) / f64::from(replicas);
    if most >= minimum as f64 {
        return None;
    }
    let each = if replicas == 1 { String::new() } else { format!(" over {replicas} replicas") };
    Some(format!(
        "the breaker can never trip: at {}{each} a gateway sees at most {} identities in its window \
         of {window} s, and it needs {minimum}; lower minimum, or lengthen window",
        rate.text,
        most.floor()
    ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    #[test]
    fn rates_are_numbers_with_a_unit() {
        for (text, per_second) in [
            ("2000/min", 2_000.0 / 60.0),
            ("50/s", 50.0),
            ("1.5/h", 1.5 / 3_600.0),
            ("9/d", 9.0 / 86_400.0),
        ] {
            assert!((parse_rate(text).unwrap().per_second - per_second).abs() < 1e-9, "{text}");
        }
        for wrong in [
            "", "2000", "/min", "x/min", "1e3/s", "-1/s", "+1/s", "inf/s", "nan/s", "1/week",
            "1,5/s", "./s",
        ] {
            assert!(
                parse_rate(wrong).unwrap_err().starts_with("expected a number and a unit"),
                "{wrong}"
            );
        }
        for beyond in ["0/s", "0.0/min", "9999999999999/s"] {
            assert!(
                parse_rate(beyond).unwrap_err().starts_with("expected a rate above 0"),
                "{beyond}"
            );
        }
    }

    #[test]
    fn a_breaker_that_sees_too_few_is_named_and_one_at_the_edge_is_not() {
        let need = BreakerNeed { window: 60, minimum: 200, refused_share: 0.05 };
        let blind = why_never_trips(need, &parse_rate("2000/min").unwrap(), 20).unwrap();
        assert!(
            blind.contains("at 2000/min over 20 replicas a gateway sees at most 100 identities"),
            "{blind}"
        );
        assert_eq!(why_never_trips(need, &parse_rate("2000/min").unwrap(), 10), None);
        assert_eq!(why_never_trips(need, &parse_rate("200/min").unwrap(), 1), None);
        assert!(why_never_trips(need, &parse_rate("199/min").unwrap(), 1).is_some());
        let all = BreakerNeed { refused_share: 1.0, ..need };
        assert!(
            why_never_trips(all, &parse_rate("9000/s").unwrap(), 1)
                .is_some_and(|why| why.contains("no share is greater"))
        );
    }
}
