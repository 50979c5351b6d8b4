//! The state of the chain, as the report shows it.

use upshift_record::evidence::{ChainFault, ChainRecord};

use super::words::second_text;
use crate::ledger::{StoredChain, StoredEntry, verify_chain};

/// The record of the whole chain that is kept.
pub(super) fn chain_record(chain: &StoredChain) -> ChainRecord {
    let faults = verify_chain(chain);
    let (first, last) = (chain.entries.first(), chain.entries.last());
    ChainRecord {
        intact: faults.is_empty(),
        revisions: chain.entries.len() as u64,
        first: first.map(|stored| stored.number),
        last: last.map(|stored| stored.number),
        from: first.and_then(time_text),
        to: last.and_then(time_text),
        origin: chain.origin.clone(),
        anchor: chain.ends.as_ref().map(|(anchor, _)| anchor.hash.clone()),
        head: last.map(|stored| stored.hash.clone()),
        sentence: sentence_on(chain, &faults),
        faults,
    }
}

fn time_text(stored: &StoredEntry) -> Option<String> {
    stored.entry.as_ref().map(|entry| entry.at.to_string())
}

fn sentence_time(stored: &StoredEntry) -> String {
    stored.entry.as_ref().map(|entry| second_text(entry.at)).unwrap_or_default()
}

fn sentence_on(chain: &StoredChain, faults: &[ChainFault]) -> String {
    if !faults.is_empty() {
        let places = if faults.len() == 1 { "place" } else { "places" };
        return format!(
            "The chain is broken at {} {places}: the records may have been changed.",
            faults.len()
        );
    }
    match (chain.entries.first(), chain.entries.last()) {
        (Some(first), Some(last)) => {
            let revisions = if chain.entries.len() == 1 { "revision" } else { "revisions" };
            format!(
                "The chain is intact: {} {revisions} from {} to {}.",
                chain.entries.len(),
                sentence_time(first),
                sentence_time(last)
            )
        }
        _ => "There are no policy revisions yet.".to_owned(),
    }
}
