//! The requests that exemptions have let through.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use upshift_core::Decision;

use crate::sketch::CallerHash;

/// The most callers of one exemption in one handover. Further ones are counted with their next
/// request.
const MAX_CALLERS: usize = 16 * 1024;

/// The requests that exemptions have let through, by exemption. A policy has few, so that their
/// number is bounded.
#[derive(Default)]
pub(crate) struct ExemptedRequests(HashMap<Arc<str>, ExemptedCount>);

/// The requests that one exemption has let through.
#[derive(Default)]
pub(crate) struct ExemptedCount {
    pub(crate) requests: u64,
    pub(crate) callers: HashSet<CallerHash>,
}

impl ExemptedRequests {
    /// Counts a request once for each exemption that let it through.
    pub(super) fn count_decision(&mut self, decision: &Decision<'_>, caller: Option<CallerHash>) {
        let mut counted: Vec<&str> = Vec::new();
        for ruling in decision.matched() {
            let Some(exemption) = ruling.exempted.as_ref().map(|by| by.id()) else { continue };
            if counted.contains(&exemption) {
                continue;
            }
            counted.push(exemption);
            // The common case needs no copy of the id.
            let count = match self.0.get_mut(exemption) {
                Some(count) => count,
                None => self.0.entry(exemption.into()).or_default(),
            };
            count.requests += 1;
            if count.callers.len() < MAX_CALLERS {
                count.callers.extend(caller);
            }
        }
    }

    /// The counts by exemption.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &ExemptedCount)> {
        self.0.iter()
    }
}
