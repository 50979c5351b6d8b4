//! The decision about the next step.

use super::candidates::CandidateSearch;
use super::demand::{Demand, Remark};
use super::exchange::{ReceivedResponse, SentRequest};
use super::permission::{Capabilities, FollowPolicy};
use super::rule::FollowRule;
use super::step::Step;
use super::stop::{Stop, StopReason};

/// The next step of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Give the response to the caller: it is not a 426.
    Deliver,
    /// Take this step.
    Take {
        /// The step.
        step: Step,
        /// The rule behind it.
        rule: FollowRule,
        /// The oddities of the response.
        remarks: Vec<Remark>,
    },
    /// Go no further.
    Stop(Stop),
}

/// Decides what to do with this response to this request. `tried` are the steps taken so far.
///
/// Of several alternatives, the client takes the first that it can and may take. If there is none,
/// the stop is that of the first alternative.
pub fn next_step(
    response: &ReceivedResponse<'_>,
    request: &SentRequest<'_>,
    can: &Capabilities,
    may: &FollowPolicy,
    tried: &[Step],
) -> NextStep {
    if response.status != 426 {
        return NextStep::Deliver;
    }
    let demand = match Demand::from_response(response, request.transport.http) {
        Ok(demand) => demand,
        Err(stop) => return NextStep::Stop(stop),
    };
    let search = CandidateSearch { response, request, can, may };
    let mut first_stop = None;
    for candidate in search.candidates_for(&demand) {
        let stop = match candidate {
            Err(stop) => stop,
            Ok((step, rule)) => match check_permission(&step, request, can, may, tried) {
                Err(stop) => stop,
                Ok(()) => return NextStep::Take { step, rule, remarks: demand.remarks },
            },
        };
        first_stop.get_or_insert(stop);
    }
    match first_stop {
        Some(stop) => NextStep::Stop(stop),
        None => NextStep::Stop(Stop {
            reason: StopReason::PeerNamedNothing,
            rule: FollowRule::NOTHING_NAMED,
        }),
    }
}

/// Checks that the step can and may be taken now.
fn check_permission(
    step: &Step,
    request: &SentRequest<'_>,
    can: &Capabilities,
    may: &FollowPolicy,
    tried: &[Step],
) -> Result<(), Stop> {
    let kind = step.kind();
    let stays_cleartext = step.transport_after(request.transport).is_cleartext();
    // Ability comes first: a stop for a missing permission must not suggest that one would help.
    let (rule, reason) = if !can.steps.contains(kind) {
        (FollowRule::ORDER, StopReason::NotAble(kind))
    } else if !may.steps.contains(kind) {
        (FollowRule::ORDER, StopReason::NotAllowed(kind))
    } else if tried.iter().any(|earlier| step.repeats(earlier)) {
        (FollowRule::ONCE, StopReason::PeerRepeats(kind))
    } else if stays_cleartext && request.credentials && !may.dangerous_cleartext_credentials {
        (FollowRule::CREDENTIALS, StopReason::CredentialsInCleartext)
    } else if request.body_gone {
        (FollowRule::REWIND, StopReason::BodyGone)
    } else if tried.len() >= usize::from(may.max_steps) {
        (FollowRule::ONCE, StopReason::TooManySteps(may.max_steps))
    } else {
        return Ok(());
    };
    Err(Stop { reason, rule })
}
