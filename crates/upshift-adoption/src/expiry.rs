//! Notices of expiring exemptions: a week before, a day before, and at the end.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

/// The parts of an exemption that a notice needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// Its name in logs and metrics.
    pub name: String,
    /// The person or team responsible for it.
    pub owner: String,
    /// The reason for it.
    pub reason: String,
    /// The end.
    pub expires: Timestamp,
}

/// The nearness of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExpiryStage {
    /// Within seven days.
    Week,
    /// Within a day.
    Day,
    /// It has ended: its requests are decided like all others.
    Expired,
}

impl ExpiryStage {
    fn current(now: Timestamp, expires: Timestamp) -> Option<Self> {
        // Only the nearest stage: after a start on the last day, the one-week notice is not due.
        let left = expires.duration_since(now);
        match left {
            _ if left <= SignedDuration::ZERO => Some(Self::Expired),
            _ if left <= SignedDuration::from_hours(24) => Some(Self::Day),
            _ if left <= SignedDuration::from_hours(7 * 24) => Some(Self::Week),
            _ => None,
        }
    }
}

/// A notice that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiryNotice {
    /// The exemption.
    pub exemption: Expiring,
    /// The nearness of its end.
    pub stage: ExpiryStage,
}

impl ExpiryNotice {
    /// The notice in one sentence, for the log.
    pub fn summary(&self) -> String {
        let Expiring { name, owner, reason, expires } = &self.exemption;
        match self.stage {
            ExpiryStage::Expired => {
                format!("exemption {name} ended on {expires} (owner {owner}: {reason})")
            }
            _ => format!("exemption {name} ends on {expires} (owner {owner}: {reason})"),
        }
    }
}

/// Issues each notice once, even if the clock goes back.
#[derive(Debug, Default)]
pub struct ExpiryNotices {
    given: BTreeMap<(String, Timestamp), ExpiryStage>,
}

impl ExpiryNotices {
    /// The notices that became due since the last call. An extended exemption gets all of its
    /// notices again.
    pub fn take_due(&mut self, exemptions: &[Expiring], now: Timestamp) -> Vec<ExpiryNotice> {
        let mut due = Vec::new();
        for exemption in exemptions {
            let Some(stage) = ExpiryStage::current(now, exemption.expires) else { continue };
            // The key includes the end, so an extended exemption counts as a new one.
            let key = (exemption.name.clone(), exemption.expires);
            let latest = self.given.get(&key).copied();
            // `<`, not `!=`: a clock that goes back leads to an earlier stage.
            if latest.is_none_or(|latest| latest < stage) {
                self.given.insert(key, stage);
                due.push(ExpiryNotice { exemption: exemption.clone(), stage });
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    #[test]
    fn each_note_is_told_once_and_a_prolonged_exemption_is_told_again() {
        let day = |day: i64| Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap();
        let kiosk = |expires| {
            [Expiring {
                name: "kiosk".into(),
                owner: "retail".into(),
                reason: "spring".into(),
                expires: day(expires),
            }]
        };
        let mut notices = ExpiryNotices::default();
        let mut stages = |expires, now| -> Vec<ExpiryStage> {
            notices
                .take_due(&kiosk(expires), day(now))
                .into_iter()
                .map(|notice| notice.stage)
                .collect()
        };
        assert_eq!(stages(100, 92), []);
        assert_eq!(stages(100, 93), [ExpiryStage::Week]);
        assert_eq!(stages(100, 94), []);
        assert_eq!(stages(100, 99), [ExpiryStage::Day]);
        assert_eq!(stages(100, 100), [ExpiryStage::Expired]);
        assert_eq!(stages(100, 99), [], "the clock went back");
        assert_eq!(stages(100, 101), []);
        assert_eq!(stages(130, 101), []);
        assert_eq!(stages(130, 129), [ExpiryStage::Day]);
    }
}
