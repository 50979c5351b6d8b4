//! The exit code of a run.

use upshift_record::Exit;
use upshift_record::suite::RunRecord;

use crate::suite_files::nothing_run;

/// The exit code for a run.
pub(crate) fn judge_run(run: &RunRecord) -> Exit {
    let summary = run.summary();
    let is_complete = summary.missing.is_empty() && summary.unplanned.is_empty();
    if summary.failed > 0 || !is_complete {
        return Exit::FellShort;
    }
    if summary.errored > 0 {
        return Exit::Environment;
    }
    if summary.skipped == summary.executed {
        return nothing_run("nothing was run: every case was skipped");
    }
    Exit::Fine
}
