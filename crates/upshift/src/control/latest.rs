//! The latest change of a fleet that still stands.

use upshift_core::Timestamp;
use upshift_record::control::RevisionReport;

/// The latest change by a person that still stands on some gateway. Each list is of one gateway,
/// the newest change first.
///
/// The clocks of gateways differ, so the order on each gateway counts before the times do: a change
/// that has a later one above it is not the latest. Among the others the times decide.
pub(super) fn latest_standing(lists: &[Vec<RevisionReport>]) -> Option<&RevisionReport> {
    let mut tops = Vec::new();
    let mut covered = Vec::new();
    for list in lists {
        let mut standing = standing_changes(list).into_iter();
        tops.extend(standing.next());
        covered.extend(standing.map(|below| &below.change));
    }
    let mut uncovered = tops.clone();
    uncovered.retain(|top| !covered.contains(&&top.change));
    // Two gateways can have two changes in opposite orders. Then the times decide alone.
    let candidates = if uncovered.is_empty() { tops } else { uncovered };
    candidates.into_iter().max_by_key(|change| time_of(change))
}

/// The changes by people that are not undone, the newest first.
fn standing_changes(list: &[RevisionReport]) -> Vec<&RevisionReport> {
    let mut standing = Vec::new();
    for change in list {
        // A trip is not taken back by `undo`, but by `resume`.
        let is_by_a_person = !matches!(change.action.as_str(), "undo" | "trip");
        let is_undone = list.iter().any(|later| later.undoes == Some(change.revision));
        if is_by_a_person && !is_undone {
            standing.push(change);
        }
    }
    standing
}

fn time_of(change: &RevisionReport) -> Option<Timestamp> {
    // A time that cannot be parsed loses: `None` is less than any time.
    change.at.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(
        revision: i64,
        change: &str,
        second: u32,
        action: &str,
        undoes: Option<i64>,
    ) -> RevisionReport {
        RevisionReport {
            revision,
            change: change.into(),
            at: format!("2026-11-25T12:00:{second:02}Z"),
            actor: "ada".into(),
            reason: String::new(),
            action: action.into(),
            rule: None,
            phase: None,
            until: None,
            undoes,
            can_undo: false,
        }
    }

    fn latest_of(lists: &[Vec<RevisionReport>]) -> Option<&str> {
        latest_standing(lists).map(|change| change.change.as_str())
    }

    /// Where each gateway took back the top of its own stack, an undo undid different changes.
    #[test]
    fn the_latest_of_a_fleet_is_not_the_latest_of_each_gateway() {
        let (set, pause) = (made(1, "s", 1, "set", None), made(2, "p", 2, "pause", None));
        let fleet = [vec![pause.clone(), set.clone()], vec![set.clone()]];
        assert_eq!(latest_of(&fleet), Some("p"));
        let undone = vec![made(3, "u", 3, "undo", Some(2)), pause, set.clone()];
        assert_eq!(latest_of(&[undone, vec![set]]), Some("s"));
        assert_eq!(latest_of(&[vec![made(1, "t", 1, "trip", None)], Vec::new()]), None);
    }

    /// A gateway whose clock is slow has made its change after the others, though its time is
    /// earlier.
    #[test]
    fn the_order_on_a_gateway_beats_its_clock() {
        let slow = vec![made(2, "only-here", 1, "pause", None), made(1, "all", 2, "set", None)];
        let right = vec![made(1, "all", 30, "set", None)];
        assert_eq!(latest_of(&[slow, right]), Some("only-here"));
    }

    /// An undo that failed on one gateway is finished by the next one.
    #[test]
    fn a_change_that_still_stands_somewhere_can_be_the_latest() {
        let undone = vec![made(2, "u", 9, "undo", Some(1)), made(1, "p", 1, "pause", None)];
        let stands = vec![made(1, "p", 1, "pause", None)];
        assert_eq!(latest_of(&[undone, stands]), Some("p"));
    }
}
