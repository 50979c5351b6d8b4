//! The access record: one line for each exchange that was answered or given up, with the decision
//! and without secrets.

mod json;
pub(crate) mod names;
mod output;
mod path_error;
mod record_file;
mod syslog;
mod text;
mod writer;

use upshift_config::RecordFormat;

pub(crate) use self::output::AccessOutput;
pub(crate) use self::writer::AccessWriter;
use crate::telemetry::exchange_report::ExchangeReport;
use crate::telemetry::logged_request::{LoggedDecision, LoggedRequest};

/// The line of a finished exchange.
pub(crate) fn record_line(
    format: &RecordFormat,
    report: &ExchangeReport,
    mut request: LoggedRequest,
) -> Vec<u8> {
    if let Some(LoggedDecision { record, is_refused: true, .. }) = &mut request.decided {
        // The status of an admitted request is the upstream's, and no part of the decision.
        record.status = report.status().map(|status| status.as_u16());
    }
    match format {
        RecordFormat::Json => json::json_line(report, &request),
        RecordFormat::Line(format) => text::text_line(format, report, &request),
    }
}
