//! What was asked, what came back, and what was made of it.

use std::sync::Arc;

use upshift_core::follow::{FollowRule, Lane, Remark, Step, Stop};

/// Every request that one call made, in order: an extension of the response, and a member of the
/// errors.
#[derive(Clone, Debug, Default)]
pub struct Trace(pub Arc<Vec<Hop>>);

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Hop {
    /// The method.
    pub method: String,
    /// The URL, without user information.
    pub url: String,
    /// What was known of the origin beforehand and done at once.
    pub remembered: Vec<Step>,
    /// Whether credentials were left out, because the URL is of another origin than the caller
    /// named.
    pub credentials_left_out: bool,
    /// The lane that the response came on; `None` if none came.
    pub lane: Option<Lane>,
    /// The status code; `None` if no response came.
    pub status: Option<u16>,
    /// What was made of it.
    pub outcome: Outcome,
}

/// What was made of a response.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It stands: it was handed to the caller.
    Stands,
    /// A step was taken, by a rule.
    Followed {
        /// The step.
        step: Step,
        /// The rule.
        rule: FollowRule,
        /// What was odd about the answer.
        remarks: Vec<Remark>,
    },
    /// It failed, and the next alternative that the last 426 named was taken in its place.
    Instead {
        /// What failed.
        why: String,
        /// The step.
        step: Step,
        /// The rule.
        rule: FollowRule,
    },
    /// It was not followed.
    Stopped(Stop),
    /// A 101 that was not believed, or no response at all.
    Failed(String),
}

impl Trace {
    /// The steps that were taken.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.0.iter().filter_map(|hop| match &hop.outcome {
            Outcome::Followed { step, .. } | Outcome::Instead { step, .. } => Some(step),
            _ => None,
        })
    }
}
