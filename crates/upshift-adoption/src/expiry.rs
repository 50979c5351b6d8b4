//! Exemptions end: a note a week before, a day before, and when it has happened.

use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// An exemption, as far as its end is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// What names it in logs and metrics.
    pub name: String,
    /// Who answers for it.
    pub owner: String,
    /// Why it is there.
    pub reason: String,
    /// When it ends.
    pub expires: Timestamp,
}

/// How near the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExpiryStage {
    /// Within seven days.
    Week,
    /// Within a day.
    Day,
    /// It has ended: those it let through are decided like everybody else.
    Expired,
}

impl ExpiryStage {
    fn at(now: Timestamp, expires: Timestamp) -> Option<Self> {
        let left = expires.duration_since(now);
        match left {
            _ if left <= SignedDuration::ZERO => Some(Self::Expired),
            _ if left <= SignedDuration::from_hours(24) => Some(Self::Day),
            _ if left <= SignedDuration::from_hours(7 * 24) => Some(Self::Week),
            _ => None,
        }
    }
}

/// A note that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiryNotice {
    /// The exemption.
    pub exemption: Expiring,
    /// How near its end is.
    pub stage: ExpiryStage,
}

impl ExpiryNotice {
    /// In one sentence, for the log.
    pub fn sentence(&self) -> String {
        let Expiring { name, owner, reason, expires } = &self.exemption;
        match self.stage {
            ExpiryStage::Expired => {
                format!("exemption {name} has ended on {expires} (owner {owner}: {reason})")
            }
            _ => format!("exemption {name} ends on {expires} (owner {owner}: {reason})"),
        }
    }
}

/// Tells each note once. A clock that goes back repeats none.
#[derive(Debug, Default)]
pub struct ExpiryNotices {
    told: BTreeMap<(String, Timestamp), ExpiryStage>,
}

impl ExpiryNotices {
    /// The notes that became due since the last call. An exemption that was prolonged begins anew.
    pub fn due(&mut self, exemptions: &[Expiring], now: Timestamp) -> Vec<ExpiryNotice> {
        let mut due = Vec::new();
        for exemption in exemptions {
            let Some(stage) = ExpiryStage::at(now, exemption.expires) else { continue };
            let told = self.told.entry((exemption.name.clone(), exemption.expires));
            let is_new = match told {
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(stage);
                    true
                }
                std::collections::btree_map::Entry::Occupied(mut entry) => {
                    let is_new = *entry.get() < stage;
                    entry.insert(stage.max(*entry.get()));
                    is_new
                }
            };
            if is_new {
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
            notices.due(&kiosk(expires), day(now)).into_iter().map(|notice| notice.stage).collect()
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
