//! The format of a report: a flag, or else the ending of the file.

use std::path::Path;

use crate::verb_error::VerbError;

/// The form in which a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReportFormat {
    /// A table for a terminal.
    Text,
    /// The whole record.
    Json,
    /// A page.
    Html,
}

impl ReportFormat {
    /// The format that the flags `--json` and `--html` ask for, or else the name of the file.
    ///
    /// # Errors
    /// If the ending of the file is that of no format.
    pub(super) fn choose(
        (json, html): (bool, bool),
        output: Option<&Path>,
    ) -> Result<Self, VerbError> {
        if json {
            return Ok(Self::Json);
        }
        if html {
            return Ok(Self::Html);
        }
        let Some(file) = output else { return Ok(Self::Text) };
        let ending = file.extension().unwrap_or_default().to_ascii_lowercase();
        match ending.to_str() {
            Some("html") => Ok(Self::Html),
            Some("json") => Ok(Self::Json),
            Some("txt") => Ok(Self::Text),
            _ => Err(VerbError::usage(format_args!(
                "the ending of {} names no format: use .html, .json or .txt, or add --html or --json",
                file.display()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_or_else_the_ending_chooses_the_format() {
        for (flags, file, expected) in [
            ((false, false), None, Some(ReportFormat::Text)),
            ((false, false), Some("a.html"), Some(ReportFormat::Html)),
            ((false, false), Some("a.JSON"), Some(ReportFormat::Json)),
            ((false, false), Some("a.txt"), Some(ReportFormat::Text)),
            ((true, false), Some("a.pdf"), Some(ReportFormat::Json)),
            ((false, true), Some("page"), Some(ReportFormat::Html)),
            ((false, false), Some("a.pdf"), None),
            ((false, false), Some("a"), None),
        ] {
            let chosen = ReportFormat::choose(flags, file.map(Path::new)).ok();
            assert_eq!(chosen, expected, "{file:?}");
        }
    }
}
