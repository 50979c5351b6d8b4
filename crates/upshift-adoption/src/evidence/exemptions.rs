//! The exemptions that were in force in a period.

use jiff::Timestamp;
use upshift_record::evidence::{ExemptionAbsence, ExemptionEvidence};
use upshift_record::policy::PolicyExemptionRecord;

use super::counts::TrafficCounts;
use super::period::Period;
use super::timeline::{PolicySpan, Timeline};

/// The owner of a built-in exemption, in the report.
const BUILT_IN: &str = "built in";

/// An exemption over time.
struct ExemptionSpan<'t> {
    exemption: ExemptionText<'t>,
    /// The beginning of the first policy that has it.
    since: Timestamp,
    may_be_older: bool,
    /// The end of the last policy that has it.
    to: Timestamp,
    /// The times since then in which another policy was in force that does not have it.
    absences: Vec<Period>,
    /// The place of the last policy that has it, among those whose text is known.
    last_place: usize,
    /// The latest policy has it.
    is_last: bool,
}

#[derive(PartialEq)]
enum ExemptionText<'t> {
    Written(&'t PolicyExemptionRecord),
    Builtin(&'t str),
}

/// The exemptions that overlap the period. Built-in exemptions come last.
pub(super) fn exemption_records(
    timeline: &Timeline,
    period: &Period,
    traffic: &TrafficCounts,
) -> Vec<ExemptionEvidence> {
    let mut records = Vec::new();
    for span in exemption_spans(timeline) {
        records.extend(exemption_record(&span, period, traffic));
    }
    records.sort_by_key(|record| record.owner == BUILT_IN);
    records
}

fn exemption_spans(timeline: &Timeline) -> Vec<ExemptionSpan<'_>> {
    let mut spans: Vec<ExemptionSpan<'_>> = Vec::new();
    let mut place = 0;
    for (index, policy) in timeline.policies.iter().enumerate() {
        let Some(text) = timeline.texts.get(&policy.digest) else { continue };
        place += 1;
        let is_last = index + 1 == timeline.policies.len();
        let written = text.exemptions.iter().map(ExemptionText::Written);
        let builtins = text.builtins.iter().map(|id| ExemptionText::Builtin(id));
        for exemption in written.chain(builtins) {
            match spans.iter_mut().find(|span| span.exemption == exemption) {
                Some(span) => span.extend(policy, place, is_last),
                None => spans.push(ExemptionSpan {
                    exemption,
                    since: policy.from,
                    may_be_older: index == 0,
                    to: policy.to,
                    absences: Vec::new(),
                    last_place: place,
                    is_last,
                }),
            }
        }
    }
    spans
}

impl ExemptionSpan<'_> {
    /// Extends it to a later policy that has the exemption.
    fn extend(&mut self, policy: &PolicySpan, place: usize, is_last: bool) {
        if place > self.last_place + 1 {
            self.absences.push(Period { from: self.to, to: policy.from });
        }
        (self.to, self.last_place, self.is_last) = (policy.to, place, is_last);
    }

    /// The absences that overlap a period.
    fn absences_in(&self, period: Period) -> Vec<ExemptionAbsence> {
        let mut absences = Vec::new();
        for absence in &self.absences {
            if period.overlaps(*absence) {
                let (from, to) = (absence.from.to_string(), absence.to.to_string());
                absences.push(ExemptionAbsence { from, to });
            }
        }
        absences
    }
}

/// The record of an exemption; `None` if it was over before the period, or began after it.
fn exemption_record(
    span: &ExemptionSpan<'_>,
    period: &Period,
    traffic: &TrafficCounts,
) -> Option<ExemptionEvidence> {
    let expires = match span.exemption {
        ExemptionText::Written(written) => written.expires.parse::<Timestamp>().ok(),
        ExemptionText::Builtin(_) => None,
    };
    // An exemption of the latest policy is still in force, although its span ends with the records.
    let removed = if span.is_last { Timestamp::MAX } else { span.to };
    let end = removed.min(expires.unwrap_or(Timestamp::MAX));
    let times = Period { from: span.since, to: end };
    let times = period.clip(times)?;
    let mut record = match span.exemption {
        ExemptionText::Written(written) => written_record(written),
        ExemptionText::Builtin(id) => builtin_record(id),
    };
    record.since = span.since.to_string();
    record.may_be_older = span.may_be_older;
    record.ended = if end < period.to { Some(end.to_string()) } else { None };
    record.absences = span.absences_in(times);
    record.requests = traffic.exempted_by(&record.exemption);
    Some(record)
}

fn written_record(written: &PolicyExemptionRecord) -> ExemptionEvidence {
    let PolicyExemptionRecord { id, owner, reason, rules, applies_to, expires } = written;
    ExemptionEvidence {
        exemption: id.clone(),
        owner: owner.clone(),
        reason: reason.clone(),
        rules: rules.clone(),
        applies_to: applies_to.clone(),
        expires: Some(expires.clone()),
        ..builtin_record(id)
    }
}

fn builtin_record(id: &str) -> ExemptionEvidence {
    ExemptionEvidence {
        exemption: id.to_owned(),
        owner: BUILT_IN.to_owned(),
        reason: "never refused, unless `never-refused.remove` names it".to_owned(),
        rules: Vec::new(),
        applies_to: builtin_text(id).to_owned(),
        since: String::new(),
        may_be_older: true,
        expires: None,
        ended: None,
        absences: Vec::new(),
        requests: upshift_record::adoption::RequestCounts::default(),
    }
}

fn builtin_text(id: &str) -> &'static str {
    match id {
        "cors-preflight" => "CORS preflights",
        "health-paths" => "/healthz, /livez and /readyz",
        "well-known" => "/.well-known/**",
        "health-agents" => "health checkers, by User-Agent and network",
        "own-links" => "the addresses that rules send people to",
        _ => "",
    }
}
