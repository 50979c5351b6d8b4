//! The parts of a refusal, from which its field lines and its body are composed.

use super::shaped_rule::ShapedRule;
use super::status::AnswerStatus;
use super::words::RefusalText;
use crate::policy::Rule;
use crate::prepared::AnswerShape;

/// Everything that a refusal can contain.
pub(super) struct RefusalParts<'s> {
    pub(super) shape: &'s AnswerShape<'s>,
    /// The rule that decided.
    pub(super) top: ShapedRule<'s>,
    /// The other rules that refuse.
    pub(super) others: Vec<ShapedRule<'s>>,
    pub(super) status: AnswerStatus,
    pub(super) text: RefusalText,
}

impl<'s> RefusalParts<'s> {
    /// The rules that refuse, the one that decided first.
    pub(super) fn rules(&self) -> Vec<&'s Rule> {
        let mut rules = vec![self.top.rule];
        rules.extend(self.others.iter().map(|other| other.rule));
        rules
    }
}
