//! The formats of reports.

use std::io;
use std::str::FromStr;

use upshift_lab::suite::nearest_name;
use upshift_lab::suite::report::tap_report;
use upshift_record::suite::RunRecord;

use crate::terminal::json_text;

/// A format of reports. Each can be rendered at any moment of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportFormat {
    /// TAP 14.
    Tap,
    /// The whole record of the run.
    Json,
}

impl ReportFormat {
    const ALL: [Self; 2] = [Self::Tap, Self::Json];

    /// The name on the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Tap => "tap",
            Self::Json => "json",
        }
    }

    /// The report of a run so far.
    pub(crate) fn render(self, run: &RunRecord) -> io::Result<String> {
        match self {
            Self::Tap => Ok(tap_report(&run.addresses(), &run.outcomes)),
            Self::Json => json_text(run),
        }
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
