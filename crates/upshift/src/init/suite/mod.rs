//! `upshift init --suite`: writes a first suite.

mod answers;
mod flags;
mod lanes;
mod policy;
mod sample;
mod source;
mod starter;
mod versions;

use std::path::Path;

use upshift_lab::suite::draft::SuiteDraft;
use upshift_record::Exit;

use crate::file_writing::write_file;
use crate::init::draft::shell_argument;
use crate::terminal::{counted, print_stderr, print_stdout};
use crate::verb_error::VerbResult;
use source::draft_suite;

pub(super) use flags::SuiteFlags;

/// Writes the suite that the flags ask for to `file`, or to stdout.
pub(super) fn write_suite(flags: &SuiteFlags, file: Option<&Path>, force: bool) -> VerbResult {
    let draft = draft_suite(flags)?;
    let text = draft.to_toml();
    print_remarks(&draft);
    match file.filter(|file| *file != Path::new("-")) {
        None => print_stdout(&text)?,
        Some(file) => {
            write_file(file, &text, force)?;
            let cases = counted(draft.cases.len() as u64, "case");
            print_stderr(format!("wrote {}: {cases}", file.display()));
            print_next(file);
        }
    }
    Ok(Exit::Fine)
}

/// Says how the suite is run, or why it cannot be under this name.
fn print_next(file: &Path) {
    let name = file.to_string_lossy();
    // The text is TOML, whatever the name says.
    if name.ends_with(".upshift.toml") {
        print_stderr(format!("  next: upshift test{}", shell_argument(file, " ")));
        return;
    }
    print_stderr(format!(
        "note: `upshift test` does not find {name}: give it a name that ends in .upshift.toml"
    ));
}

/// Says what the suite does not have.
fn print_remarks(draft: &SuiteDraft) {
    for remark in &draft.remarks {
        print_stderr(format!("note: {remark}"));
    }
}
