//! The usage that one core hands over: the senders that are new, and the requests of all.

use std::sync::Arc;

use super::cells::{CellKey, CellNumber};
use super::combinations::{CombinationNumber, CountedCell};
use super::senders::SenderCount;
use crate::canary::NotedRequests;
use crate::sketch::CallerHash;
use crate::{Fingerprint, Network};

/// The usage that one core hands over.
///
/// It refers to senders by number. A number is defined once, in the batch with its first request,
/// so the batches of a tally have to be merged in order and without gaps.
#[derive(Default)]
pub struct UsageBatch {
    /// The tally that it comes from.
    pub(crate) tally: u64,
    /// The numbering starts again: numbers of earlier batches are no longer valid.
    pub(crate) begins: bool,
    pub(crate) new: NewSenders,
    pub(crate) counts: Vec<SenderCount>,
    pub(crate) noted: NotedRequests,
}

/// Definitions of senders, and of all that they refer to, each in the order of its numbers.
#[derive(Default)]
pub(crate) struct NewSenders {
    pub(crate) cells: Vec<CellKey>,
    pub(crate) combinations: Vec<Arc<[CountedCell]>>,
    pub(crate) senders: Vec<SenderRecord>,
    /// For each sender, its address, and then the callers that rules identify it as.
    pub(crate) callers: Vec<Option<CallerHash>>,
    pub(crate) refusals: Vec<RefusalRecord>,
}

/// A sender: who sends requests of one combination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SenderRecord {
    pub(crate) combination: CombinationNumber,
    /// The number of its callers.
    pub(crate) callers: u32,
    /// The number of its [`RefusalRecord`]s.
    pub(crate) refusals: u32,
    /// The time of its first request, in seconds since 1970.
    pub(crate) first_seen: i64,
}

/// A rule's refusal of a sender, for reports of refused callers.
#[derive(Clone, Debug)]
pub(crate) struct RefusalRecord {
    /// The cell of the ruling, which has the rule, the version and the client.
    pub(crate) cell: CellNumber,
    /// The fingerprint by which the rule knows the sender.
    pub(crate) caller: Fingerprint,
    /// The path of its first request, without identifiers.
    pub(crate) path: Arc<str>,
    pub(crate) network: Network,
}

impl UsageBatch {
    /// Returns the requests that were noted for the canary.
    pub fn take_noted(&mut self) -> NotedRequests {
        std::mem::take(&mut self.noted)
    }
}
