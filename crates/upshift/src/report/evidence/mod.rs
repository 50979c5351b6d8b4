//! `upshift report --evidence`: the evidence for an auditor, from a running gateway or its store.

mod table;

use std::path::Path;

use upshift_adoption::Store;
use upshift_adoption::evidence::{EvidenceInput, build_evidence};
use upshift_adoption::store::UsageReader;
use upshift_core::Timestamp;
use upshift_pages::evidence::render_evidence;
use upshift_record::Exit;
use upshift_record::evidence::EvidenceReport;

use super::format::ReportFormat;
use super::page::{check_destination, palette_for, write_text};
use crate::control::RemoteGateway;
use crate::terminal::{json_text, print_stderr, visible_record};
use crate::verb_error::VerbError;

/// The period of `--evidence`, `[from, to)`. An end that is left out is the first record, or now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EvidencePeriod {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

/// Parses `FROM..TO`.
pub(super) fn parse_period(text: &str) -> Result<EvidencePeriod, String> {
    let Some((from, to)) = text.split_once("..") else {
        return Err("expected FROM..TO, such as 2026-01-01..2026-04-01 or 2026-01-01..".to_owned());
    };
    let period = EvidencePeriod { from: parse_end(from)?, to: parse_end(to)? };
    match (period.from, period.to) {
        (Some(from), Some(to)) if from >= to => Err(format!(
            "the period is empty: TO is the first moment that is no longer in it, and {to} is not \
             after {from}"
        )),
        _ => Ok(period),
    }
}

fn parse_end(text: &str) -> Result<Option<Timestamp>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    match upshift_config::parse_moment(text) {
        Some(time) => Ok(Some(time)),
        None => Err(format!(
            "`{text}` is not a date (2026-01-01) or a time with its offset (2026-01-01T09:00:00Z)"
        )),
    }
}

impl EvidencePeriod {
    /// Checks that the period has begun.
    fn check_begun(self, now: Timestamp) -> Result<(), VerbError> {
        match self.from {
            Some(from) if from >= now => {
                Err(VerbError::usage(format_args!("the period begins in the future, at {from}")))
            }
            _ => Ok(()),
        }
    }

    /// The evidence of a running gateway.
    pub(super) async fn read_from_gateway(
        self,
        lookup: impl Future<Output = Result<RemoteGateway, VerbError>>,
    ) -> Result<EvidenceReport, VerbError> {
        self.check_begun(Timestamp::now())?;
        let gateway = lookup.await?;
        // A time in RFC 3339 with `Z` has no character that a query must encode.
        let mut query = Vec::new();
        query.extend(self.from.map(|from| format!("from={from}")));
        query.extend(self.to.map(|to| format!("to={to}")));
        match gateway.get_api(&format!("evidence?{}", query.join("&"))).await {
            Ok(report) => Ok(report),
            Err(error) => Err(gateway.verb_error(&error)),
        }
    }

    /// The evidence of a store.
    pub(super) fn read_from_store(self, store: &Path) -> Result<EvidenceReport, VerbError> {
        let now = Timestamp::now();
        self.check_begun(now)?;
        let (from, to) = (self.from, self.to.unwrap_or(now));
        let read = match UsageReader::open(store) {
            Ok(Some(reader)) => reader.read_evidence(from, to),
            Ok(None) => {
                let message = format_args!("there is no store at {}", store.display());
                return Err(VerbError::environment(message));
            }
            Err(error) => Err(error),
        };
        let records = read.map_err(VerbError::environment)?;
        let running = Store::is_in_use(store);
        Ok(build_evidence(EvidenceInput { now, from, to, running, records }))
    }
}

/// The exit code for what a report says, after it was printed.
pub(super) fn exit_of(report: &EvidenceReport) -> Exit {
    let chain = &report.chain;
    if !chain.intact {
        print_stderr(format_args!("error: {}", chain.sentence));
        return Exit::FellShort;
    }
    if report.rules.is_empty() && report.traffic.counts.total.requests == 0 {
        print_stderr("nothing is recorded of this period");
        return Exit::NothingRun;
    }
    Exit::Fine
}

/// Writes the evidence to `output`, or else to stdout.
pub(super) fn write_evidence(
    report: &EvidenceReport,
    format: ReportFormat,
    output: Option<&Path>,
) -> Result<(), VerbError> {
    // Texts of the policy and of people, and labels that clients choose.
    let text = match format {
        ReportFormat::Json => json_text(report)?,
        ReportFormat::Html => {
            check_destination(output)?;
            render_evidence(&visible_record(report)?)
        }
        ReportFormat::Text => table::render_evidence(&visible_record(report)?, palette_for(output)),
    };
    write_text(&text, output)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    #[test]
    fn periods_have_two_ends_that_may_be_open() {
        let moment = |text: &str| text.parse().ok();
        for (text, from, to) in [
            ("2026-01-01..2026-04-01", "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"),
            ("2026-01-01T09:00:00Z..", "2026-01-01T09:00:00Z", ""),
            ("..2026-04-01", "", "2026-04-01T00:00:00Z"),
            ("..", "", ""),
        ] {
            let expected = EvidencePeriod { from: moment(from), to: moment(to) };
            assert_eq!(parse_period(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_wrong_period_is_named() {
        for (text, part) in [
            ("2026-01-01", "expected FROM..TO"),
            ("2026-01-01...2026-02-01", "`.2026-02-01` is not a date"),
            ("soon..", "`soon` is not a date"),
            ("2026-02-01..2026-01-01", "the period is empty"),
            ("2026-01-01..2026-01-01", "the period is empty"),
        ] {
            let error = parse_period(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
