//! `upshift forecast`: shows who would be refused, from access logs.

mod flags;
mod progress;
mod report;

use std::path::PathBuf;

use clap::Args;
use upshift_core::Timestamp;
use upshift_forecast::{
    Assumptions, ForecastError, ForecastOptions, FormatError, LogSource, RequestReader, forecast,
};
use upshift_record::Exit;
use upshift_record::forecast::ForecastRecord;

use crate::arguments;
use crate::policy_file::PolicyFile;
use crate::terminal::{Palette, print_json, print_stderr, print_stdout};
use crate::verb_error::{VerbError, VerbResult};
use flags::{Assumption, Share, Zone};
use progress::Progress;

/// Show who would be refused, from access logs
///
/// Decides every request of the logs, as if all rules were enforced or as of a date, and shows per
/// rule which share of requests and of callers would be refused, who they are, and how that changed
/// by day. A request is unknown, and not passed, if a rule depends on a fact that the logs do not
/// record.
///
/// Logs may be compressed with gzip or zstd, and - is standard input. The format is guessed unless
/// --format names it.
#[derive(Debug, Args)]
#[command(after_help = flags::after_help())]
pub(crate) struct ForecastArgs {
    #[command(flatten)]
    file: PolicyFile,
    /// Decide by the policy as it is at this time: 2026-12-01 or 2026-12-01T09:00:00Z
    #[arg(long, value_name = "TIME", value_parser = arguments::parse_time)]
    at: Option<Timestamp>,
    /// The format of the logs, by name or by the text that configures it in the server
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// A fact that the logs do not record and that holds for all requests: host=NAME, http=VERSION,
    /// tls=VERSION, tls=some or tls=none; repeat it for more
    #[arg(long, value_name = "FACT=VALUE", value_parser = flags::parse_assumption)]
    assume: Vec<Assumption>,
    /// The zone of times without an offset, such as Europe/Berlin or +02:00
    #[arg(long, value_name = "ZONE", value_parser = flags::parse_zone, default_value = "UTC")]
    tz: Zone,
    /// The share of all requests that the logs hold, if they are sampled
    #[arg(long, value_name = "SHARE", value_parser = flags::parse_sample, default_value = "100%")]
    sampled: Share,
    /// The share of refused callers below which a rule is done
    #[arg(long, value_name = "SHARE", value_parser = flags::parse_share, default_value = "1%")]
    threshold: Share,
    /// The number of clients, networks, paths and agents to list for each rule
    #[arg(
        long, value_name = "N", default_value_t = 5,
        value_parser = clap::value_parser!(u16).range(0..=1_000)
    )]
    top: u16,
    /// Exit with 1 if a greater share of callers would be refused
    #[arg(long, value_name = "SHARE", value_parser = flags::parse_share)]
    fail_above: Option<Share>,
    /// Print the numbers as JSON
    #[arg(long)]
    json: bool,
    /// The logs; - is standard input
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,
}

impl ForecastArgs {
    pub(crate) fn run(self) -> VerbResult {
        let sources = self.sources()?;
        let loaded = self.file.load_and_report()?;
        let policy = &loaded.file.policy;
        let gateway = &loaded.file.gateway;
        let reader = RequestReader::new(
            policy,
            self.assumptions(),
            gateway.proxies.clone(),
            gateway.undeclared_proxy,
        );
        let progress = Progress::start(&sources);
        let result = forecast(policy, &reader, sources, &self.options(), &|bytes| {
            progress.add_bytes(bytes);
        });
        progress.finish();
        let made = match result {
            Ok(made) => made,
            Err(ForecastError::Format(error)) => return Err(self.format_error(&error)),
            Err(error) => return Err(VerbError::usage(error)),
        };
        for fault in &made.faults {
            print_stderr(format_args!("error: cannot read {fault}"));
        }
        self.report(&made.record, !made.faults.is_empty())
    }

    /// Prints the forecast, and returns the exit code.
    fn report(&self, record: &ForecastRecord, has_faults: bool) -> VerbResult {
        if record.total.requests == 0 && !has_faults && !self.json {
            let message = report::describe_nothing(record)?;
            return Err(VerbError::Message(Exit::NothingRun, message));
        }
        if self.json {
            print_json(record)?;
        } else if record.total.requests > 0 {
            let is_guessed = self.format.is_none();
            print_stdout(&report::render_forecast(record, is_guessed, Palette::of_stdout())?)?;
        }
        if has_faults {
            return Ok(Exit::Environment);
        }
        if record.total.requests == 0 {
            return Ok(Exit::NothingRun);
        }
        let share = report::share_of(record.total.refused_callers, record.total.callers);
        match self.fail_above {
            Some(limit) if share > limit.fraction() => Ok(Exit::FellShort),
            _ => Ok(Exit::Fine),
        }
    }

    fn sources(&self) -> Result<Vec<LogSource>, VerbError> {
        let mut sources = Vec::new();
        for log in &self.logs {
            if log.as_os_str() != "-" {
                sources.push(LogSource::File(log.clone()));
                continue;
            }
            if sources.contains(&LogSource::Stdin) {
                return Err(VerbError::usage("standard input can be read once only"));
            }
            sources.push(LogSource::Stdin);
        }
        Ok(sources)
    }

    fn assumptions(&self) -> Assumptions {
        let mut assumptions = Assumptions::default();
        for assumption in &self.assume {
            match assumption {
                Assumption::Host(host) => assumptions.host = Some(host.clone()),
                Assumption::Http(version) => assumptions.http = Some(*version),
                Assumption::Tls(state) => assumptions.tls = Some(*state),
            }
        }
        assumptions
    }

    fn options(&self) -> ForecastOptions {
        ForecastOptions {
            at: self.at,
            now: Timestamp::now(),
            format: self.format.clone(),
            zone: self.tz.0.clone(),
            top: usize::from(self.top),
            threshold: self.threshold.fraction(),
            sampled: self.sampled.fraction(),
            key: flags::random_key(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// The error about a format, with a mark below its place.
    fn format_error(&self, error: &FormatError) -> VerbError {
        let text = self.format.as_deref().unwrap_or_default();
        let before = text.get(..error.position).unwrap_or_default();
        let mark = " ".repeat(before.chars().count());
        VerbError::usage(format_args!("--format: {error}\n  {text}\n  {mark}^"))
    }
}
