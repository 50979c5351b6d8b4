//! The evidence of the lanes for a protocol that an `Upgrade` names.

use upshift_record::probe::{ProbeOutcome, ProbeRow, PromiseVerdict};
use upshift_record::{Lane, Protection};

use super::promises::{final_response, problem_of};
use super::switching::{is_named, list_of};

/// A verdict and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The verdict.
    pub(super) verdict: PromiseVerdict,
    /// The evidence, or the reason not to check.
    pub(super) evidence: String,
}

impl Verdict {
    /// A verdict and its evidence.
    pub(super) fn new(verdict: PromiseVerdict, evidence: String) -> Self {
        Self { verdict, evidence }
    }

    /// No verdict, for this reason.
    pub(super) fn not_checked(reason: impl Into<String>) -> Self {
        Self { verdict: PromiseVerdict::NotChecked, evidence: reason.into() }
    }
}

/// The answers over all lanes, and the questions whose answers announce a protocol.
pub(super) struct LaneEvidence<'r> {
    /// The rows.
    pub(super) rows: &'r [ProbeRow],
    /// The names of the questions.
    pub(super) made_by: &'r [String],
}

impl LaneEvidence<'_> {
    /// Judges a protocol by the lanes that speak it; `None` if no lane does.
    pub(super) fn judge_protocol(&self, token: &str) -> Option<Verdict> {
        let (name, version) = token.split_once('/').unwrap_or((token, ""));
        let lanes: &[Lane] = match (name.to_ascii_lowercase().as_str(), version) {
            ("h2c", _) => &[Lane::H2cUpgrade],
            ("websocket", _) => &[Lane::WebSocket],
            ("tls", _) => &[Lane::TlsInBand, Lane::Tls13, Lane::Tls12, Lane::Http2],
            ("http", "1.0") => &[Lane::Http10],
            ("http", "1.1") => &[Lane::Http11],
            ("http", "2" | "2.0") | ("h2", _) => &[Lane::Http2, Lane::H2cPrior, Lane::H2cUpgrade],
            ("http", "3" | "3.0") | ("h3", _) => &[Lane::Http3],
            _ => return None,
        };
        Some(self.judge_lanes(token, lanes))
    }

    /// The verdict of the first lane that delivers, or else of all together.
    fn judge_lanes(&self, token: &str, lanes: &[Lane]) -> Verdict {
        let mut failures = Vec::new();
        let mut not_asked = None;
        for lane in lanes {
            let Some(row) = self.rows.iter().find(|row| row.question == lane.as_str()) else {
                not_asked = Some(format!("{lane} was not asked"));
                continue;
            };
            if row.outcome == ProbeOutcome::NotAsked {
                let reason = row.reason.as_deref().unwrap_or_default();
                not_asked = Some(format!("{lane} was not asked: {reason}"));
                continue;
            }
            match self.judge_row(token, *lane, row) {
                Ok(evidence) => return Verdict::new(PromiseVerdict::Delivered, evidence),
                Err(evidence) => failures.push(evidence),
            }
        }
        match not_asked {
            // A lane that was not asked could be the one that delivers.
            Some(reason) if failures.is_empty() || lanes.len() > 1 => {
                failures.push(reason);
                Verdict::not_checked(failures.join("; "))
            }
            _ => Verdict::new(PromiseVerdict::NotDelivered, failures.join("; ")),
        }
    }

    /// The evidence that a lane delivers a protocol, or that it does not.
    fn judge_row(&self, token: &str, lane: Lane, row: &ProbeRow) -> Result<String, String> {
        let needs_switch = matches!(lane, Lane::H2cUpgrade | Lane::WebSocket | Lane::TlsInBand);
        let status = row.status.map(|status| status.to_string());
        let said = row.reason.clone().or(status).unwrap_or_else(|| "no answer".to_owned());
        let speaks = match row.outcome {
            ProbeOutcome::Switched => true,
            ProbeOutcome::Answered => !needs_switch,
            _ => false,
        };
        if !speaks {
            return Err(format!("{lane}: {said}"));
        }
        if is_named(token, "tls") && !reaches_version(token, row) {
            return Err(format!("{lane}: an older version of TLS"));
        }
        // A promise that leads to the same promise is a loop.
        if row.status == Some(426) && (asks_for(token, row) || self.made_by.contains(&row.question))
        {
            return Err(format!("{lane}: 426, which asks for the same"));
        }
        match &row.switched_to {
            Some(_) => Ok(format!("{lane} switches")),
            None => Ok(format!("{lane} answers {said}")),
        }
    }
}

/// Returns true if the connection has at least the version of TLS that `token` names.
fn reaches_version(token: &str, row: &ProbeRow) -> bool {
    let Some((_, wanted)) = token.split_once('/') else { return true };
    let protection = row.exchange.as_ref().and_then(|exchange| exchange.protection.as_ref());
    match protection {
        // Both are `1.x`, so they compare as text.
        Some(Protection::Tls { version: Some(version), .. }) => version.as_str() >= wanted,
        _ => false,
    }
}

/// Returns true if a refusal asks for the protocol.
fn asks_for(token: &str, row: &ProbeRow) -> bool {
    let Some(response) = final_response(row) else { return false };
    let mut asked = list_of(response, "upgrade");
    asked.extend(problem_of(response).map(|problem| problem.protocols).unwrap_or_default());
    asked.iter().any(|other| other.eq_ignore_ascii_case(token))
}
