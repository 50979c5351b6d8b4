//! The answers that one rule has prepared.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::prepared_answer::PreparedAnswer;
use super::shape::AnswerShape;

/// The most answers that are kept for a rule. Ordinary traffic needs a handful.
const SHAPE_LIMIT: usize = 32;

/// The most values of one ruling in an answer that is kept. The client chooses their number.
const OBSERVED_LIMIT: usize = 8;

/// The memory for the prepared answers of a policy, in bytes. Once it is used up, further answers
/// are composed for each request.
const BUDGET: usize = 16 * 1024 * 1024;

/// The answers that one rule has prepared, by their shape.
///
/// The list only grows, so reading it needs no lock.
#[derive(Debug, Default)]
pub(crate) struct PreparedAnswers {
    first: OnceLock<Box<Slot>>,
    budget: PreparedBudget,
}

#[derive(Debug)]
struct Slot {
    shape: AnswerShape<'static>,
    answer: PreparedAnswer,
    next: OnceLock<Box<Self>>,
}

/// The remaining memory for the prepared answers of a policy.
#[derive(Clone, Debug)]
pub(crate) struct PreparedBudget(Arc<AtomicUsize>);

impl PreparedAnswers {
    /// An empty list. The rules of a policy share their `budget`.
    pub(crate) fn new(budget: PreparedBudget) -> Self {
        Self { first: OnceLock::new(), budget }
    }

    /// The answer of this shape, if there is one.
    pub(crate) fn find(&self, shape: &AnswerShape<'_>) -> Option<&PreparedAnswer> {
        let mut slot = self.first.get();
        while let Some(taken) = slot {
            if taken.shape == *shape {
                return Some(&taken.answer);
            }
            slot = taken.next.get();
        }
        None
    }

    /// Keeps `answer` for later requests, unless a limit is reached.
    pub(crate) fn keep(&self, shape: AnswerShape<'_>, answer: PreparedAnswer) {
        let size = size_of::<Slot>() + shape.size() + answer.size();
        if !is_worth_keeping(&shape) || self.is_full() || !self.budget.take(size) {
            return;
        }
        let mut slot = Box::new(Slot { shape: shape.into_owned(), answer, next: OnceLock::new() });
        let mut place = &self.first;
        // Another thread may be faster, perhaps with the same shape. Duplicates are harmless.
        while let Err(refused) = place.set(slot) {
            slot = refused;
            match place.get() {
                Some(taken) => place = &taken.next,
                None => return,
            }
        }
    }

    fn is_full(&self) -> bool {
        let mut number = 0;
        let mut slot = self.first.get();
        while let Some(taken) = slot {
            number += 1;
            slot = taken.next.get();
        }
        number >= SHAPE_LIMIT
    }
}

impl PreparedBudget {
    /// Takes `size` bytes. Returns `false` if fewer are left.
    fn take(&self, size: usize) -> bool {
        let order = Ordering::Relaxed;
        let taken = self.0.fetch_update(order, order, |left| left.checked_sub(size));
        taken.is_ok()
    }
}

impl Default for PreparedBudget {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(BUDGET)))
    }
}

/// Returns true if requests of ordinary clients can have this shape.
fn is_worth_keeping(shape: &AnswerShape<'_>) -> bool {
    shape.top.observed <= OBSERVED_LIMIT
        && shape.others.iter().all(|other| other.ruling.observed <= OBSERVED_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::super::shape::{AnswerForm, ApiShape, RequestShape, RulingShape, UrlShape};
    use super::super::{Format, Template};
    use super::*;
    use crate::facts::{HttpVersion, Known};
    use crate::policy::phase::Phase;
    use crate::policy::requirement::RequirementKind;
    use crate::verdict::VerdictReason;

    fn shape(observed: usize) -> AnswerShape<'static> {
        AnswerShape {
            form: AnswerForm::Refusal(Format::Text),
            request: RequestShape {
                hop: HttpVersion::V1_1,
                http: Known::Unknown,
                tls: Known::Unknown,
                h2c: false,
                tls_in_band: false,
                hides_upgrade: false,
                has_alt_svc: false,
            },
            top: RulingShape {
                kind: RequirementKind::Api,
                reason: VerdictReason::TooOld,
                cause: None,
                observed,
                api: ApiShape::None,
                client: None,
            },
            phase: Phase::Enforce,
            has_window_end: false,
            https_url: UrlShape::None,
            others: Vec::new(),
        }
    }

    fn answer(status: u16, size: usize) -> PreparedAnswer {
        let mut body = Template::default();
        body.push("x".repeat(size));
        PreparedAnswer { status, lines: Template::default(), body, grpc: None, close: false }
    }

    fn status(answers: &PreparedAnswers, observed: usize) -> Option<u16> {
        answers.find(&shape(observed)).map(|answer| answer.status)
    }

    #[test]
    fn an_answer_is_found_by_its_shape() {
        let answers = PreparedAnswers::default();
        answers.keep(shape(1), answer(401, 1));
        answers.keep(shape(2), answer(402, 1));
        assert_eq!((status(&answers, 1), status(&answers, 2)), (Some(401), Some(402)));
        assert_eq!(status(&answers, 3), None);
    }

    /// Catches clients that can make the gateway keep any number of answers.
    #[test]
    fn what_clients_choose_is_limited() {
        let answers = PreparedAnswers::default();
        answers.keep(shape(OBSERVED_LIMIT + 1), answer(400, 1));
        assert_eq!(status(&answers, OBSERVED_LIMIT + 1), None);
        for _ in 0..2 * SHAPE_LIMIT {
            answers.keep(shape(0), answer(400, 1));
        }
        answers.keep(shape(1), answer(400, 1));
        assert!(status(&answers, 0).is_some() && status(&answers, 1).is_none());
    }

    #[test]
    fn the_rules_of_a_policy_share_a_budget() {
        let budget = PreparedBudget::default();
        let [one, other] = [(); 2].map(|()| PreparedAnswers::new(budget.clone()));
        one.keep(shape(0), answer(400, BUDGET * 2 / 3));
        other.keep(shape(0), answer(400, BUDGET * 2 / 3));
        other.keep(shape(1), answer(400, 1));
        assert_eq!((status(&one, 0), status(&other, 0)), (Some(400), None));
        assert_eq!(status(&other, 1), Some(400));
    }
}
