//! The report of the canary: the effect of another policy on recent callers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::number_text::{grouped, share_text};

/// The effect of another policy on recent callers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryReport {
    /// No callers are kept, because `record` in `[adoption]` is false.
    pub off: bool,
    /// The length of the time in which the callers were seen, in seconds.
    pub seconds: i64,
    /// The distinct callers.
    pub callers: u64,
    /// Those of them that are admitted now and would be refused.
    pub newly_refused: u64,
    /// Those of them that are refused now and would be admitted.
    pub newly_admitted: u64,
    /// The rules that would refuse callers who are admitted now.
    pub rules: Vec<CanaryRule>,
    /// The requests that were not tried: there were too many callers to keep, or to decide in time.
    pub missed: u64,
    /// The fields that the other policy reads and that were not kept: these numbers do not depend
    /// on them.
    pub unrecorded_fields: Vec<String>,
}

/// The effect that enforcing a rule would have on recent callers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnforcementTrial {
    /// The numbers.
    pub report: CanaryReport,
    /// Callers that the rule would refuse; not all of them if there are many.
    pub behind: Vec<CallerBehind>,
}

/// A recent caller that a rule would refuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerBehind {
    /// The fingerprint of its identity or address.
    pub caller: String,
    /// The version that it sent.
    pub version: String,
    /// The family and major version of its client.
    pub client: String,
    /// The path of a request, without what looks like an identifier.
    pub path: String,
    /// The network of its address.
    pub network: String,
}

/// The body of `POST /api/canary`, which answers with a [`CanaryReport`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryRequest {
    /// The text of the policy file.
    pub policy: String,
}

/// A rule that would refuse callers who are admitted now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryRule {
    /// The rule's id.
    pub rule: String,
    /// The callers.
    pub newly_refused: u64,
}

/// One sentence: `1204 of 9310 callers in the last 10 minutes would be newly refused (12.93%)`.
impl fmt::Display for CanaryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.off {
            return f.write_str("the canary is off, because adoption is not recorded");
        }
        if self.callers == 0 {
            return f.write_str("no caller was seen in the last minutes");
        }
        let period = match self.seconds / 60 {
            ..=1 => "minute".to_owned(),
            minutes => format!("{minutes} minutes"),
        };
        let share = share_text(self.newly_refused, self.callers);
        let (refused, callers) = (grouped(self.newly_refused), grouped(self.callers));
        write!(
            f,
            "{refused} of {callers} callers in the last {period} would be newly refused \
             ({share})"
        )?;
        if self.newly_admitted > 0 {
            write!(f, ", and {} newly admitted", grouped(self.newly_admitted))?;
        }
        if self.missed > 0 {
            write!(f, "; {} more requests were not tried", grouped(self.missed))?;
        }
        if !self.unrecorded_fields.is_empty() {
            let fields = self.unrecorded_fields.join(", ");
            write!(f, "; not recorded: {fields}, so rules that read them may refuse more")?;
        }
        Ok(())
    }
}
