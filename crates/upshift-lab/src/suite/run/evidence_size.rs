//! The size of the evidence. Each report has it, and a run writes its reports again and again.

use upshift_record::RecordedExchange;
use upshift_record::suite::{ConnectionTrace, TimelineMark};

/// The most octets of a response's content that the evidence keeps.
const MOST_CONTENT: usize = 64 * 1024;

/// The most octets of a connection that the evidence keeps.
const MOST_WIRE: usize = 256 * 1024;

/// Keeps the first part of long content.
pub(super) fn shorten_content(exchange: &mut RecordedExchange) {
    let Some(response) = &mut exchange.response else { return };
    let Some(body) = &mut response.body else { return };
    if body.octets.len() > MOST_CONTENT {
        body.cut_from.get_or_insert(body.octets.len() as u64);
        body.octets.truncate(MOST_CONTENT);
    }
}

/// Keeps the first octets of a long connection, and says so in its timeline.
pub(super) fn shorten_wire(connection: &mut ConnectionTrace) {
    let mut kept = 0;
    let mut end = None;
    for (place, record) in connection.wire.iter().enumerate() {
        kept += record.octets.as_bytes().len();
        if kept > MOST_WIRE {
            end = Some((place, record.at_ms));
            break;
        }
    }
    if let Some((place, at_ms)) = end {
        connection.wire.truncate(place);
        let what = "the octets from here on are not kept".to_owned();
        connection.timeline.push(TimelineMark { at_ms, what });
        connection.timeline.sort_by(|first, second| first.at_ms.total_cmp(&second.at_ms));
    }
}
