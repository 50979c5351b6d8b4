//! `upshift report`: adoption, from a running gateway or from its store.

mod csv;
mod evidence;
mod format;
mod page;
mod prometheus;
mod source;
mod sparkline;
mod table;

use std::path::PathBuf;

use clap::Args;
use http::Uri;
use upshift_core::Timestamp;
use upshift_record::Exit;

use self::evidence::EvidencePeriod;
use self::format::ReportFormat;
use self::prometheus::read_fleet;
use self::source::{Recorded, read_gateway, read_store};
use crate::control::{self, RemoteGateway};
use crate::policy_file::PolicyFile;
use crate::prometheus_url::{PrometheusUrl, parse_prometheus_url};
use crate::terminal::{json_text, print_stdout, visible_record};
use crate::verb_error::{VerbError, VerbResult};

/// Show who is still behind, by rule: versions, clients, callers, and how that changes
///
/// A caller is behind if the rule, once it enforces, refuses it unless an exemption covers it.
/// Callers are distinct identities (or addresses, where a request has no identity), counted with an
/// error of about 2 %.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift report
  upshift report orders-v2 --since 90d
  upshift report --csv > adoption.csv
  upshift report --html --output adoption.html
  upshift report --json | jq '.rules[] | {rule, behind}'
  upshift report --store /var/lib/upshift/upshift.db
  upshift report --prometheus http://prometheus:9090
  upshift report --evidence 2026-01-01..2026-04-01 --output evidence.html

Exit codes: 0 success, 1 the chain of policy revisions is broken, 2 wrong usage or an unknown rule,
3 the gateway, the store or Prometheus cannot be read, 4 nothing is recorded yet, or of the period.")]
pub(crate) struct ReportArgs {
    /// Only this rule
    rule: Option<String>,
    /// The start of the report: a duration back from now, such as 90d, or a date
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = parse_since)]
    since: Since,
    /// The admin listener of a running gateway
    #[arg(
        long, value_name = "URL", env = "UPSHIFT_ADMIN", default_value = "http://127.0.0.1:9426",
        value_parser = control::parse_admin_url
    )]
    admin: Uri,
    /// The admin token, if the gateway asks for one
    #[arg(long, value_name = "TOKEN", env = "UPSHIFT_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Read this store instead of asking a gateway; the rules come from the policy file
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Ask a Prometheus that scrapes the gateways, for the numbers of all of them. Distinct
    /// callers, versions and clients are not known then
    #[arg(
        long, value_name = "URL", value_parser = parse_prometheus_url,
        conflicts_with_all = ["store", "evidence"]
    )]
    prometheus: Option<PrometheusUrl>,
    /// The bearer token of that Prometheus, if it asks for one
    #[arg(long, value_name = "TOKEN", env = "UPSHIFT_PROMETHEUS_TOKEN", hide_env_values = true)]
    prometheus_token: Option<String>,
    #[command(flatten)]
    file: PolicyFile,
    /// Show the evidence of a period instead: the policies in force, since when, changed by whom
    /// and why, what they refused, and the exemptions. TO is the first moment that is left out; an
    /// end that is left out is the first record, or now
    #[arg(
        long, value_name = "FROM..TO", value_parser = evidence::parse_period,
        conflicts_with_all = ["rule", "since", "csv"]
    )]
    evidence: Option<EvidencePeriod>,
    /// Print the whole report as JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print the numbers of each label as CSV
    #[arg(long)]
    csv: bool,
    /// Print one HTML file with charts, which a browser shows without a network
    #[arg(long, conflicts_with_all = ["csv", "json"])]
    html: bool,
    /// Write the report, or the evidence, to this file, and replace it if it exists; without --html
    /// or --json, its ending (.html, .json or .txt) chooses the format
    #[arg(long, short, value_name = "FILE", conflicts_with = "csv")]
    output: Option<PathBuf>,
}

/// The start of a report.
#[derive(Clone, Copy, Debug)]
enum Since {
    /// So long before now.
    Ago(std::time::Duration),
    /// A time.
    Time(Timestamp),
}

impl Since {
    fn start(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(length) => now.checked_sub(length).unwrap_or(Timestamp::UNIX_EPOCH),
            Self::Time(time) => time,
        }
    }
}

fn parse_since(text: &str) -> Result<Since, String> {
    if let Ok(length) = upshift_config::parse_duration(text) {
        return Ok(Since::Ago(length));
    }
    match upshift_config::parse_moment(text) {
        Some(time) => Ok(Since::Time(time)),
        None => Err("expected a duration (90d, 12h) or a date (2026-12-01)".to_owned()),
    }
}

impl ReportArgs {
    pub(crate) fn run(self) -> VerbResult {
        if let Some(period) = self.evidence {
            return self.run_evidence(period);
        }
        let format = self.format()?;
        let writes_page = format == ReportFormat::Html;
        if writes_page {
            page::check_destination(self.output.as_deref())?;
        }
        let now = Timestamp::now();
        let from = self.since.start(now);
        if from > now {
            return Err(VerbError::usage(format_args!("--since is in the future, at {from}")));
        }
        let mut recorded = self.read((from, now), writes_page)?;
        if let Some(rule) = &self.rule {
            recorded.retain_rule(rule);
            if recorded.report.rules.is_empty() {
                return Err(VerbError::usage(format_args!("there is no rule `{rule}`")));
            }
        }
        self.print(recorded, format)?;
        Ok(Exit::Fine)
    }

    /// Reads the records from the source that the flags name.
    fn read(
        &self,
        (from, now): (Timestamp, Timestamp),
        for_page: bool,
    ) -> Result<Recorded, VerbError> {
        match (&self.prometheus, &self.store) {
            (Some(prometheus), _) => {
                let authorization = prometheus.authorization(self.prometheus_token.as_deref())?;
                let reading = read_fleet(prometheus.clone(), authorization, (from, now));
                Ok(Recorded::of_fleet(control::block_on_gateways(reading)?))
            }
            (None, Some(store)) => read_store(store, &self.file, from, now),
            (None, None) => {
                let gateway =
                    RemoteGateway::at_first_address(self.admin.clone(), self.token.clone());
                control::block_on_gateways(read_gateway(gateway, from, for_page))
            }
        }
    }

    fn format(&self) -> Result<ReportFormat, VerbError> {
        ReportFormat::choose((self.json, self.html), self.output.as_deref())
    }

    fn print(&self, recorded: Recorded, format: ReportFormat) -> Result<(), VerbError> {
        let (report, output) = (&recorded.report, self.output.as_deref());
        if format == ReportFormat::Json {
            page::write_text(&json_text(report)?, output)?;
        } else if report.recording_since.is_none() {
            let message =
                "nothing is recorded yet: numbers appear a second after the first request";
            return Err(VerbError::Message(Exit::NothingRun, message.to_owned()));
        } else if self.csv {
            print_stdout(&csv::render_csv(report))?;
        } else if format == ReportFormat::Html {
            page::write_page(recorded, output)?;
        } else {
            let palette = page::palette_for(output);
            page::write_text(&table::render_report(&visible_record(report)?, palette), output)?;
        }
        Ok(())
    }

    fn run_evidence(&self, period: EvidencePeriod) -> VerbResult {
        let format = self.format()?;
        let report = match &self.store {
            Some(store) => period.read_from_store(store)?,
            None => {
                let gateway =
                    RemoteGateway::at_first_address(self.admin.clone(), self.token.clone());
                control::block_on_gateways(period.read_from_gateway(gateway))?
            }
        };
        evidence::write_evidence(&report, format, self.output.as_deref())?;
        Ok(evidence::exit_of(&report))
    }
}
