//! A probe: one request over one lane.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use upshift_record::RecordedResponse;
use upshift_record::suite::{CaseEvidence, CaseVerdict, Mismatch};

use super::evidence_size::{shorten_content, shorten_wire};
use super::findings::note_responses;
use super::try_result::TryResult;
use crate::probe::{Channel, LaneAnswer, ProbeSettings, Target, ask_lane};
use crate::suite::judge::{content_of, cut_mismatch, judge_exchange, lines_of};
use crate::suite::model::Capture;
use crate::suite::plan::{PlannedProbe, check_field_value, check_no_fragment};

/// The most octets of content that are read and judged.
const CONTENT_LIMIT: usize = 8 * 1024 * 1024;

/// Sends the request, and judges the answer.
pub(super) async fn try_probe(
    probe: &PlannedProbe,
    limit: Duration,
    captured: &BTreeMap<String, String>,
) -> TryResult {
    let settings = match settings_of(probe, limit, captured) {
        Ok(settings) => settings,
        Err(reason) => return TryResult::errored(reason),
    };
    let answer = ask_lane(settings, probe.lane).await;
    let (notes, note_mismatches) = note_responses(&answer.exchange, &probe.expect);
    let mut verdict = judge_answer(probe, &answer, note_mismatches);
    let mut kept = BTreeMap::new();
    if verdict == CaseVerdict::Passed {
        match capture_values(probe, answer.exchange.response.as_ref()) {
            Ok(values) => kept = values,
            Err(mismatches) => verdict = CaseVerdict::Failed(mismatches),
        }
    }
    let LaneAnswer { mut exchange, mut connection, .. } = answer;
    shorten_content(&mut exchange);
    shorten_wire(&mut connection);
    let evidence = CaseEvidence {
        exchanges: vec![exchange],
        notes,
        connections: vec![connection],
        client: None,
        remarks: answer.remarks,
    };
    TryResult { verdict, evidence, captured: kept }
}

/// The request, with the values that earlier cases captured.
fn settings_of(
    probe: &PlannedProbe,
    limit: Duration,
    captured: &BTreeMap<String, String>,
) -> Result<ProbeSettings, String> {
    let url = probe.url.expand(captured).map_err(|error| error.to_string())?;
    // A captured value may have a fragment.
    check_no_fragment(&url)?;
    let mut target = Target::parse(&url).map_err(|error| error.to_string())?;
    let channel = Channel::of_lane(probe.lane);
    let is_wrong_channel = match channel {
        Channel::AsUrl => false,
        Channel::Cleartext => target.is_tls,
        Channel::Tls => !target.is_tls,
    };
    if is_wrong_channel {
        return Err(format!("{url} cannot be asked over {}", probe.lane));
    }
    if probe.is_about_server {
        "*".clone_into(&mut target.path);
    }
    let mut settings = ProbeSettings::new(target);
    settings.method.clone_from(&probe.method);
    for (name, value) in &probe.fields {
        let value = value.expand(captured).map_err(|error| error.to_string())?;
        check_field_value(&value).map_err(|why| format!("the value of `{name}` has {why}"))?;
        settings.fields.push((name.clone(), value));
    }
    let body = probe.body.expand(captured).map_err(|error| error.to_string())?;
    settings.content = body.into_bytes();
    (settings.timeout, settings.connect_timeout) = (limit, limit);
    settings.content_limit = CONTENT_LIMIT;
    Ok(settings)
}

fn judge_answer(
    probe: &PlannedProbe,
    answer: &LaneAnswer,
    note_mismatches: Vec<Mismatch>,
) -> CaseVerdict {
    let expect = &probe.expect;
    if let Some(why) = &answer.unsupported {
        if expect.skip_if_unsupported {
            return CaseVerdict::Skipped(why.clone());
        }
        if answer.is_unreachable {
            // Also where nothing but the absence of something is expected: nothing is known of it.
            return CaseVerdict::Errored(format!("{}: {why}", probe.url));
        }
        if answer.exchange.response.is_none() && !expect.closed {
            let what = format!("lane {}", probe.lane);
            let mismatch = Mismatch::new(what, "a server that speaks it", why.clone());
            return CaseVerdict::Failed(vec![mismatch]);
        }
    }
    let mut mismatches = judge_exchange(expect, &answer.exchange);
    if let (Some(schema), Some(response)) = (&probe.schema, &answer.exchange.response)
        && is_whole(response)
    {
        mismatches.extend(schema.judge(content_of(response)));
    }
    mismatches.extend(note_mismatches);
    if mismatches.is_empty() { CaseVerdict::Passed } else { CaseVerdict::Failed(mismatches) }
}

fn is_whole(response: &RecordedResponse) -> bool {
    response.body.as_ref().is_none_or(|body| body.cut_from.is_none())
}

/// The values to keep for later cases.
fn capture_values(
    probe: &PlannedProbe,
    response: Option<&RecordedResponse>,
) -> Result<BTreeMap<String, String>, Vec<Mismatch>> {
    let (mut values, mut mismatches) = (BTreeMap::new(), Vec::new());
    for (name, capture) in &probe.capture {
        let body = response.and_then(|response| response.body.as_ref());
        if let Capture::Json(_) = capture
            && let Some(cut) = cut_mismatch(&format!("content, for capture {name}"), body)
        {
            mismatches.push(cut);
            continue;
        }
        let found = response.and_then(|response| capture_value(capture, response));
        match found {
            Some(value) => drop(values.insert(name.clone(), value)),
            None => {
                let expected = match capture {
                    Capture::Field(field) => format!("a field {field}"),
                    Capture::Json(pointer) => format!("a value at {pointer} of the JSON"),
                };
                mismatches.push(Mismatch::new(format!("capture {name}"), expected, "none"));
            }
        }
    }
    if mismatches.is_empty() { Ok(values) } else { Err(mismatches) }
}

fn capture_value(capture: &Capture, response: &RecordedResponse) -> Option<String> {
    match capture {
        Capture::Field(name) => {
            let line = lines_of(&response.fields, name).into_iter().next()?;
            Some(String::from_utf8_lossy(line).into_owned())
        }
        Capture::Json(pointer) => {
            let content: Value = serde_json::from_slice(content_of(response)).ok()?;
            match content.pointer(pointer)? {
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            }
        }
    }
}
