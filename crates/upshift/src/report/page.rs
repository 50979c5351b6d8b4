//! The report as one HTML file.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use upshift_pages::report::render_report;
use upshift_pages::view::{AdoptionSource, GatewayView};

use super::source::Recorded;
use crate::file_writing::write_file;
use crate::terminal::{Palette, print_stdout, visible_record};
use crate::verb_error::VerbError;

/// Checks that the page is not printed on a terminal.
///
/// # Errors
/// If there is no `output`, and stdout is a terminal.
pub(super) fn check_destination(output: Option<&Path>) -> Result<(), VerbError> {
    if output.is_none() && io::stdout().is_terminal() {
        let message = "the page is for a browser: write it to a file with --output adoption.html";
        return Err(VerbError::usage(message));
    }
    Ok(())
}

/// Writes the page to `output`, or else to stdout.
pub(super) fn write_page(recorded: Recorded, output: Option<&Path>) -> Result<(), VerbError> {
    let Recorded { report, plan, status, trips } = recorded;
    // Clients choose some of the labels.
    let report = visible_record(&report)?;
    let view = GatewayView {
        now: report.now.clone(),
        adoption: AdoptionSource::Recorded(report),
        status,
        plan,
        trips,
        gateway: None,
    };
    write_text(&render_report(&view), output)
}

/// The colours of a text that is written to `output`, or else to stdout.
pub(super) fn palette_for(output: Option<&Path>) -> Palette {
    match output {
        Some(_) => Palette::colourless(),
        None => Palette::of_stdout(),
    }
}

/// Writes a text to `output`, or else to stdout.
pub(super) fn write_text(text: &str, output: Option<&Path>) -> Result<(), VerbError> {
    match output {
        Some(file) => write_file(file, text, true),
        None => Ok(print_stdout(text)?),
    }
}
