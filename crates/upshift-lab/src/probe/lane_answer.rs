//! One request over one lane, with all that is known of it: for suites.

use upshift_record::probe::{ProbeOutcome, ProbeRow, WireRecord};
use upshift_record::suite::{ConnectionTrace, TimelineMark};
use upshift_record::{ExchangeEnd, Lane, RecordedExchange};

use super::asking::Answer;
use super::prober::Prober;
use super::question::Question;
use super::settings::ProbeSettings;

/// The answer over a lane.
#[derive(Clone, Debug)]
pub struct LaneAnswer {
    /// The exchange. If there was none, its error is the reason.
    pub exchange: RecordedExchange,
    /// The reason why the server does not speak the protocol of the lane; `None` if it does.
    pub unsupported: Option<String>,
    /// True if no connection was made, or one that does not speak TLS: nothing is known of the server.
    pub is_unreachable: bool,
    /// The connection.
    pub connection: ConnectionTrace,
    /// Observations in words.
    pub remarks: Vec<String>,
}

/// Sends the request of the settings to their target over `lane`, within their time.
pub async fn ask_lane(settings: ProbeSettings, lane: Lane) -> LaneAnswer {
    let target = settings.target.clone();
    let prober = Prober::new(settings);
    let Answer { row, timeline, refused_handshake, .. } =
        prober.ask(Question::Lane(lane), &target).await;
    let mut exchange = row.exchange.clone().unwrap_or_else(|| RecordedExchange {
        lane: Some(lane),
        url: Some(target.to_string()),
        ..RecordedExchange::empty()
    });
    if exchange.error.is_none() && exchange.response.is_none() && exchange.interim.is_empty() {
        exchange.error.clone_from(&row.reason);
    }
    let has_failed_to_begin = exchange.end == Some(ExchangeEnd::Unreachable);
    // A server that refuses a handshake has answered; a port without TLS has not.
    let is_unreachable = has_failed_to_begin && !refused_handshake;
    let is_declined = row.outcome == ProbeOutcome::Declined;
    let unsupported = if has_failed_to_begin || is_declined { row.reason.clone() } else { None };
    let connection = trace_of(&row, &exchange, timeline);
    LaneAnswer { exchange, unsupported, is_unreachable, connection, remarks: row.remarks }
}

fn trace_of(
    row: &ProbeRow,
    exchange: &RecordedExchange,
    mut timeline: Vec<TimelineMark>,
) -> ConnectionTrace {
    if let Some(first) = first_of(&row.wire, "sent") {
        timeline.push(TimelineMark { at_ms: first.at_ms, what: "request".to_owned() });
    }
    if let Some(first) = first_of(&row.wire, "received") {
        timeline.push(TimelineMark { at_ms: first.at_ms, what: "first octets".to_owned() });
    }
    if let Some(at_ms) = row.elapsed_ms {
        timeline.push(TimelineMark { at_ms, what: end_text(exchange) });
    }
    // A stable sort: what happened at the same time stays in the order above.
    timeline.sort_by(|first, second| first.at_ms.total_cmp(&second.at_ms));
    ConnectionTrace {
        number: 1,
        peer: row.address.clone(),
        protection: exchange.protection.clone(),
        timeline,
        wire: row.wire.clone(),
    }
}

fn first_of<'r>(wire: &'r [WireRecord], event: &str) -> Option<&'r WireRecord> {
    wire.iter().find(|record| record.event == event)
}

fn end_text(exchange: &RecordedExchange) -> String {
    match (&exchange.error, &exchange.response) {
        (Some(error), _) => error.clone(),
        (None, Some(response)) => response.status.to_string(),
        (None, None) => "end".to_owned(),
    }
}
