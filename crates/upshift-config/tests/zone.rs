//! `rollout.zone`: where a date begins, through daylight saving and leap days.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use upshift_core::policy::Rollout;
use upshift_core::{Phase, Timestamp};

fn rollout(plan: &str) -> Rollout {
    let text = format!(
        "[[rule]]\nid = \"r\"\nrequire = {{ http = \"2\" }}\n[rule.rollout]\nidentity = [\"peer\"]\n{plan}\n"
    );
    let file = upshift_config::load(&text, "zone.toml")
        .map_err(|errors| format!("{errors:?}"))
        .unwrap()
        .file;
    file.policy.rules()[0].rollout.clone().unwrap()
}

fn phase(rollout: &Rollout, now: &str) -> Phase {
    rollout.state_at(now.parse::<Timestamp>().unwrap()).phase
}

fn starts(rollout: &Rollout) -> Vec<String> {
    rollout.stages().iter().map(|stage| stage.from.to_string()).collect()
}

#[test]
fn without_a_zone_a_date_begins_at_midnight_utc() {
    assert_eq!(
        starts(&rollout("warn = 2026-10-25\nenforce = 2026-11-01")),
        ["2026-10-25T00:00:00Z", "2026-11-01T00:00:00Z"]
    );
}

#[test]
fn in_a_zone_a_date_begins_at_its_midnight_in_summer_and_in_winter() {
    let berlin = rollout("zone = \"Europe/Berlin\"\nwarn = 2026-10-25\nenforce = 2026-11-01");
    assert_eq!(starts(&berlin), ["2026-10-24T22:00:00Z", "2026-10-31T23:00:00Z"]);
    assert_eq!(phase(&berlin, "2026-10-31T22:59:59Z"), Phase::Warn);
    assert_eq!(phase(&berlin, "2026-10-31T23:00:00Z"), Phase::Enforce);
}

#[test]
fn a_window_over_the_change_of_the_clock_lasts_as_long_as_it_says() {
    // On 25 October 2026 Berlin has 02:30 twice, and the window begins with the first one; on 28
    // March 2027 it has no 02:30 at all, and the window begins when the clock would have shown it,
    // an hour later on the new clock.
    let text = "zone = \"Europe/Berlin\"\nbrownout = [{ at = 2026-10-25T02:30:00, for = \"2h\" }, { at = 2027-03-28T02:30:00, for = \"2h\" }]";
    let berlin = rollout(text);
    assert_eq!(phase(&berlin, "2026-10-25T00:29:59Z"), Phase::Off);
    assert_eq!(phase(&berlin, "2026-10-25T00:30:00Z"), Phase::Brownout);
    assert_eq!(phase(&berlin, "2026-10-25T02:29:59Z"), Phase::Brownout);
    assert_eq!(phase(&berlin, "2026-10-25T02:30:00Z"), Phase::Warn);
    assert_eq!(phase(&berlin, "2027-03-28T01:29:59Z"), Phase::Warn);
    assert_eq!(phase(&berlin, "2027-03-28T01:30:00Z"), Phase::Brownout);
    assert_eq!(phase(&berlin, "2027-03-28T03:30:00Z"), Phase::Warn);
}

#[test]
fn the_leap_day_is_a_day_and_its_absence_an_error() {
    let leap = rollout("zone = \"America/New_York\"\nwarn = 2028-02-29\nenforce = 2028-03-01");
    assert_eq!(starts(&leap), ["2028-02-29T05:00:00Z", "2028-03-01T05:00:00Z"]);
    let wrong =
        "[[rule]]\nid = \"r\"\nrequire = { http = \"2\" }\nrollout = { warn = 2027-02-29 }\n";
    assert!(upshift_config::load(wrong, "zone.toml").is_err());
}

#[test]
fn where_midnight_does_not_exist_a_date_begins_with_its_first_moment() {
    // In Santiago the clock goes from 23:59:59 to 01:00:00 on 6 September 2026.
    let santiago = rollout("zone = \"America/Santiago\"\nenforce = 2026-09-06");
    assert_eq!(starts(&santiago), ["2026-09-06T04:00:00Z"]);
}
