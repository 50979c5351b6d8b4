//! The formats of reports.

use std::io;
use std::str::FromStr;

use serde::Serialize;
use upshift_lab::suite::nearest_name;
use upshift_lab::suite::report::{github_summary, junit_report, tap_report};
use upshift_pages::run::render_run;
use upshift_record::suite::{RunRecord, RunSummary};

use super::sarif::sarif_log;
use crate::terminal::json_text;

/// A format of reports. Each can be rendered at any moment of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportFormat {
    /// JUnit XML.
    Junit,
    /// TAP 14.
    Tap,
    /// SARIF 2.1.0.
    Sarif,
    /// A page for browsers.
    Html,
    /// Markdown, as in the summary of a step of GitHub Actions.
    Markdown,
    /// The whole record of the run, and its numbers.
    Json,
}

impl ReportFormat {
    const ALL: [Self; 6] =
        [Self::Junit, Self::Tap, Self::Sarif, Self::Html, Self::Markdown, Self::Json];

    /// The name on the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Junit => "junit",
            Self::Tap => "tap",
            Self::Sarif => "sarif",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Json => "json",
        }
    }

    /// The report of a run so far.
    pub(crate) fn render(self, run: &RunRecord) -> io::Result<String> {
        match self {
            Self::Junit => Ok(junit_report(run)),
            Self::Tap => Ok(tap_report(run)),
            Self::Sarif => json_text(&sarif_log(run)),
            Self::Html => Ok(render_run(run)),
            Self::Markdown => Ok(github_summary(run)),
            Self::Json => json_text(&JsonReport::of(run)),
        }
    }
}

/// The record of a run, with its numbers.
#[derive(Serialize)]
struct JsonReport<'r> {
    #[serde(flatten)]
    run: &'r RunRecord,
    /// True if every planned case ran once, and none fell short.
    success: bool,
    /// The numbers.
    summary: RunSummary,
}

impl<'r> JsonReport<'r> {
    fn of(run: &'r RunRecord) -> Self {
        let summary = run.summary();
        Self { run, success: summary.is_success(), summary }
    }
}

impl FromStr for ReportFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if let Some(format) = Self::ALL.into_iter().find(|format| format.as_str() == name) {
            return Ok(format);
        }
        let names = Self::ALL.map(Self::as_str);
        Err(match nearest_name(name, names) {
            Some(nearest) => format!("`{name}` is not a format; did you mean `{nearest}`?"),
            None => format!("`{name}` is not a format; the formats are {}", names.join(", ")),
        })
    }
}
