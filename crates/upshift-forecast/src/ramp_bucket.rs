//! The bucket of a request in a ramp, as far as its line tells.
//!
//! A line without the identity tells no bucket. In the gateway's own record it has the ruling of
//! the ramp, which bounds the bucket: a share that refused the request is above it, and a share
//! that did not is not.

use upshift_core::policy::{RefusedShare, Rule, bucket};
use upshift_core::{Facts, Phase, Policy, Timestamp};

use crate::line::{LogLine, RecordedDecision};

/// The bucket of a request in the ramp of one rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RampBucket {
    /// The bucket of its identity.
    Exact(u16),
    /// None: the request has no identity, and so it is in no ramp.
    NoIdentity,
    /// One that this share includes.
    Within(RefusedShare),
    /// One that this share does not include.
    Outside(RefusedShare),
    /// The line does not tell.
    Unknown,
}

/// A request, as its buckets are read from it.
pub(crate) struct BucketReader<'r, 'l> {
    pub(crate) policy: &'r Policy,
    pub(crate) facts: &'r Facts<'r>,
    pub(crate) line: &'r LogLine<'l>,
}

impl RampBucket {
    /// Returns true if a ramp at this share refuses the request; `None` if that is unknown.
    pub(crate) fn is_in(self, share: RefusedShare) -> Option<bool> {
        match self {
            Self::Exact(bucket) => Some(share.contains(bucket)),
            Self::NoIdentity => Some(false),
            Self::Within(refused) if share >= refused => Some(true),
            Self::Outside(admitted) if share <= admitted => Some(false),
            Self::Within(_) | Self::Outside(_) | Self::Unknown => None,
        }
    }
}

impl BucketReader<'_, '_> {
    /// The bucket in the ramp of the rule with this index. `has_identity` says whether the line
    /// records what its identity is read from.
    pub(crate) fn bucket_of(&self, rule: usize, has_identity: bool) -> RampBucket {
        let rule = &self.policy.rules()[rule];
        if !has_identity {
            return self.recorded_bucket(rule);
        }
        match rule.identity(self.facts) {
            Some(identity) => RampBucket::Exact(bucket(&rule.id, &identity)),
            None => RampBucket::NoIdentity,
        }
    }

    /// The bounds that the gateway's ruling sets.
    fn recorded_bucket(&self, rule: &Rule) -> RampBucket {
        let decision = &self.line.decision;
        // The dates of another policy, and so its share at that time, are not known.
        if !decision.is_of(self.policy.revision()) {
            return RampBucket::Unknown;
        }
        let Some(is_refused) = ruling_of(decision, rule) else { return RampBucket::Unknown };
        let Some(share) = self.share_then(rule) else { return RampBucket::Unknown };
        if is_refused { RampBucket::Within(share) } else { RampBucket::Outside(share) }
    }

    /// The share of the rule's ramp at the time of the line; `None` if it was in no ramp.
    fn share_then(&self, rule: &Rule) -> Option<RefusedShare> {
        let time = Timestamp::from_second(self.line.time?).ok()?;
        let state = rule.rollout_state(time);
        if state.phase == Phase::Ramp { Some(state.share) } else { None }
    }
}

/// Returns true if the rule's ramp refused the request; `None` if it did not decide.
fn ruling_of(decision: &RecordedDecision<'_>, rule: &Rule) -> Option<bool> {
    let ruling = decision.ramps.iter().find(|ruling| *ruling.rule == *rule.id.as_bytes())?;
    Some(ruling.is_refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_decide_the_shares_beyond_them_only() {
        let share = RefusedShare::from_basis_points;
        for (bucket, answers) in [
            (RampBucket::Exact(3_000), [Some(false), Some(false), Some(true)]),
            (RampBucket::NoIdentity, [Some(false); 3]),
            (RampBucket::Within(share(3_000)), [None, Some(true), Some(true)]),
            (RampBucket::Outside(share(3_000)), [Some(false), Some(false), None]),
            (RampBucket::Unknown, [None; 3]),
        ] {
            let decided = [2_999, 3_000, 3_001].map(|points| bucket.is_in(share(points)));
            assert_eq!(decided, answers, "{bucket:?}");
        }
    }
}
