//! The record of a call: its requests, their responses, and the reactions to them.

use std::sync::Arc;

use upshift_core::follow::{FollowRule, Remark, Step, Stop, Transport};

/// Every request that one call made, in order: an extension of the response, and a field of the
/// errors.
#[derive(Clone, Debug, Default)]
pub struct Trace(pub Arc<Vec<Attempt>>);

/// One request and its outcome.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The method.
    pub method: String,
    /// The URL, without user information.
    pub url: String,
    /// The steps that were taken before the request, because the origin was known to require them.
    pub remembered: Vec<Step>,
    /// Credentials were left out, because the URL is of another origin than the caller named.
    pub credentials_left_out: bool,
    /// The transport of the response; `None` if none arrived.
    pub transport: Option<Transport>,
    /// The status code; `None` if no response arrived.
    pub status: Option<u16>,
    /// The outcome.
    pub outcome: AttemptOutcome,
}

/// The outcome of one request.
#[derive(Clone, Debug)]
pub enum AttemptOutcome {
    /// The response was returned to the caller.
    Returned,
    /// The response is a 426, and a step was taken.
    Followed {
        /// The step.
        step: Step,
        /// The rule behind the step.
        rule: FollowRule,
        /// The deviations of the 426 from the RFCs.
        remarks: Vec<Remark>,
    },
    /// The request failed, and the next alternative that the last 426 named was taken instead.
    Instead {
        /// The failure.
        why: String,
        /// The step.
        step: Step,
        /// The rule behind the step.
        rule: FollowRule,
    },
    /// The response is a 426 that was not followed.
    Stopped(Stop),
    /// The response is an invalid 101, or none arrived.
    Failed(String),
}

impl Trace {
    /// The steps that were taken.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.0.iter().filter_map(|attempt| match &attempt.outcome {
            AttemptOutcome::Followed { step, .. } | AttemptOutcome::Instead { step, .. } => {
                Some(step)
            }
            _ => None,
        })
    }
}
