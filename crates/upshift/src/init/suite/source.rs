//! The sources of a first suite.

use std::path::Path;

use upshift_core::Timestamp;
use upshift_gateway::Settings;
use upshift_lab::probe::Target;
use upshift_lab::suite::draft::{
    DraftError, SuiteDraft, draft_from_har, draft_from_hurl, draft_from_openapi,
};

use super::flags::SuiteFlags;
use super::{policy, starter};
use crate::policy_file::PolicyFile;
use crate::terminal::print_stderr;
use crate::verb_error::VerbError;

/// Drafts the suite that the flags ask for.
pub(super) fn draft_suite(flags: &SuiteFlags) -> Result<SuiteDraft, VerbError> {
    let mut draft = draft_source(flags)?;
    draft.leave_out_mistakes();
    if !draft.cases.is_empty() {
        return Ok(draft);
    }
    for remark in &draft.remarks {
        print_stderr(format!("note: {remark}"));
    }
    Err(VerbError::usage("no suite was written: no case is left\n  help: the notes say why"))
}

fn draft_source(flags: &SuiteFlags) -> Result<SuiteDraft, VerbError> {
    if let Some(file) = &flags.from_policy {
        return draft_policy(file, flags.target.as_ref());
    }
    let mut draft = if let Some(file) = &flags.from_openapi {
        draft_text(file, draft_from_openapi)?
    } else if let Some(file) = &flags.from_hurl {
        draft_text(file, draft_from_hurl)?
    } else if let Some(file) = &flags.from_har {
        let octets = read_source(file)?;
        draft_from_har(&octets, &base_name(file)).map_err(|error| in_file(file, &error))?
    } else {
        starter::starter_suite()
    };
    if let Some(target) = &flags.target {
        replace_target(&mut draft, target);
    }
    Ok(draft)
}

fn draft_policy(file: &Path, target: Option<&Target>) -> Result<SuiteDraft, VerbError> {
    let policy = PolicyFile { path: file.to_owned() };
    let settings = Settings { file: policy.load_quietly()?.file, ..Settings::default() };
    let name = base_name(file);
    let source = policy::PolicySource { name, settings: &settings, now: Timestamp::now(), target };
    source.draft().map_err(|why| VerbError::usage(format_args!("{}: {why}", file.display())))
}

fn draft_text(
    file: &Path,
    draft: fn(&str, &str) -> Result<SuiteDraft, DraftError>,
) -> Result<SuiteDraft, VerbError> {
    let octets = read_source(file)?;
    let Ok(text) = std::str::from_utf8(&octets) else {
        return Err(VerbError::usage(format_args!(
            "{}: the file is not text\n  help: name the document itself, not an archive of it",
            file.display()
        )));
    };
    draft(text, &base_name(file)).map_err(|error| in_file(file, &error))
}

fn in_file(file: &Path, error: &DraftError) -> VerbError {
    VerbError::usage(format_args!("{}: {error}", file.display()))
}

/// Sets the default of the variable in `target`.
fn replace_target(draft: &mut SuiteDraft, target: &Target) {
    let path = target.path.trim_end_matches('/');
    let url = format!("{}://{}{path}", target.scheme(), target.authority());
    let variable = draft.target.split_once(":-").map(|(variable, _)| variable);
    draft.target = format!("{}:-{url}}}", variable.unwrap_or("${TARGET"));
}

fn base_name(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// Reads the file of a source.
fn read_source(file: &Path) -> Result<Vec<u8>, VerbError> {
    std::fs::read(file).map_err(|error| {
        let help = if file.is_dir() { "\n  help: name a file in it" } else { "" };
        VerbError::usage(format_args!("cannot read {}: {error}{help}", file.display()))
    })
}
