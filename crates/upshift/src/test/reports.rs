//! Reports in files, written again after each case: a crash leaves valid ones.

use std::path::PathBuf;

use upshift_record::suite::RunRecord;

use super::report_format::ReportFormat;
use crate::file_writing::rewrite_file;
use crate::verb_error::VerbError;

/// A report that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReportFile {
    format: ReportFormat,
    file: PathBuf,
}

impl ReportFile {
    /// Parses `FORMAT=FILE`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some((format, file)) = text.split_once('=') else {
            return Err("expected FORMAT=FILE, such as tap=results.tap".to_owned());
        };
        if file.is_empty() {
            return Err("the name of the file is missing after `=`".to_owned());
        }
        Ok(Self { format: format.parse()?, file: PathBuf::from(file) })
    }
}

/// Writes all reports of the run so far.
pub(super) fn write_reports(reports: &[ReportFile], run: &RunRecord) -> Result<(), VerbError> {
    for report in reports {
        let text = report.format.render(run).map_err(VerbError::environment)?;
        rewrite_file(&report.file, &text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_a_format_and_a_file() {
        let expected = ReportFile { format: ReportFormat::Tap, file: PathBuf::from("a=b.tap") };
        assert_eq!(ReportFile::parse("tap=a=b.tap"), Ok(expected));
        let error = |text: &str| ReportFile::parse(text).err().unwrap_or_default();
        assert!(error("tap").contains("expected FORMAT=FILE"));
        assert!(error("tap=").contains("name of the file is missing"));
        assert!(error("tapp=a").contains("did you mean `tap`?"));
    }
}
