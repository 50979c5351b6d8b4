//! A decision as the live feed shows it.

use std::borrow::Cow;

use http::Method;
use upshift_adoption::RequestCallers;
use upshift_adoption::usage::{client_text, label_text, path_pattern};
use upshift_core::{Decision, Timestamp};
use upshift_record::DecisionRecord;
use upshift_record::live::LiveDecision;

use super::access::names::{http_name, tls_name};

/// Makes the record of a decision at `now`. Values that a client chose are short in it.
pub(crate) fn live_decision(
    method: &Method,
    callers: &RequestCallers<'_>,
    (decision, revision): (&Decision<'_>, &str),
    status: Option<u16>,
    now: Timestamp,
) -> LiveDecision {
    let facts = callers.facts();
    let caller = decision.top().and_then(|top| callers.fingerprint(top.rule));
    let mut record = DecisionRecord::of_decision(decision, revision);
    record.status = status;
    // A policy may have a thousand.
    record.rules = Vec::new();
    for observed in &mut record.observed {
        observed.value = label_text(&observed.value);
    }
    LiveDecision {
        time: now.to_string(),
        method: label_text(method.as_str()),
        path: path_pattern(facts.path),
        http: http_name(facts.http).into(),
        tls: tls_name(facts.tls).into(),
        client: match facts.fields.nth("user-agent", 0) {
            Some(agent) => client_text(agent),
            None => Cow::Borrowed("none"),
        },
        caller: caller.map(|caller| caller.to_string()),
        decision: record,
    }
}
