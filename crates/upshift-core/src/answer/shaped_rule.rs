//! A rule with the shape of its answer.

use crate::policy::Rule;
use crate::prepared::{Hole, RequestShape, RulingHole, RulingShape, UrlShape};

/// A rule, and the shape of the answer to a request that it refuses.
#[derive(Clone, Copy)]
pub(super) struct ShapedRule<'s> {
    pub(super) rule: &'s Rule,
    pub(super) ruling: &'s RulingShape<'s>,
    pub(super) request: &'s RequestShape,
    pub(super) https_url: UrlShape,
    /// The index of the ruling among those that refuse: 0 for the one that decided.
    pub(super) place: usize,
}

impl ShapedRule<'_> {
    /// The hole for a value of the ruling.
    pub(super) fn hole(&self, value: RulingHole) -> Hole {
        Hole::Ruling(self.place, value)
    }
}
