//! The suites on the command line: found, read and planned.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use upshift_lab::suite::{SuiteFormat, SuitePlan, plan_suite};
use upshift_record::Exit;

use crate::terminal::{print_stderr, print_stderr_lines};
use crate::verb_error::VerbError;

/// The ends of the names of suites.
const SUITE_ENDS: [&str; 4] = [".upshift.toml", ".upshift.yaml", ".upshift.yml", ".upshift.json"];

/// The folders in which suites are not searched, beside hidden ones.
const SKIPPED_FOLDERS: [&str; 2] = ["node_modules", "target"];

/// The deepest folder that is searched.
const DEEPEST: usize = 16;

/// The suites that `paths` name: files, and all suites in folders; without a path, those in the
/// current folder. Each is listed once, under the first of its names.
pub(crate) fn find_suites(paths: &[PathBuf]) -> Result<Vec<PathBuf>, VerbError> {
    let mut found = Vec::new();
    if paths.is_empty() {
        search_folder(Path::new(""), 0, &mut found)?;
    }
    for path in paths {
        let is_folder = path.is_dir();
        let path = without_dots(path);
        if is_folder {
            search_folder(&path, 0, &mut found)?;
        } else {
            found.push(path);
        }
    }
    let mut seen = BTreeSet::new();
    // A file that does not exist is reported when it is read.
    found.retain(|path| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())));
    Ok(found)
}

/// The path without `.`, so that a case has the same address for `.`, `./a` and `a`.
fn without_dots(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn search_folder(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), VerbError> {
    let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let names = sorted_names(shown).map_err(|error| {
        VerbError::environment(format_args!("cannot read {}: {error}", shown.display()))
    })?;
    for name in names {
        let path = folder.join(&name);
        let name = name.to_string_lossy();
        // A link to a folder could lead back.
        if path.is_dir() && !path.is_symlink() {
            let is_skipped = name.starts_with('.') || SKIPPED_FOLDERS.contains(&name.as_ref());
            if !is_skipped && depth < DEEPEST {
                search_folder(&path, depth + 1, found)?;
            }
        } else if SUITE_ENDS.iter().any(|end| name.ends_with(end)) && path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

fn sorted_names(folder: &Path) -> std::io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.push(entry?.file_name());
    }
    names.sort();
    Ok(names)
}

/// Reads and plans suites. All mistakes of all suites are printed.
pub(crate) fn plan_suites(paths: &[PathBuf]) -> Result<Vec<SuitePlan>, VerbError> {
    let mut plans = Vec::new();
    let mut is_invalid = false;
    for path in paths {
        let name = path.to_string_lossy();
        let (text, format) = read_suite(path)?;
        match plan_suite(&name, &text, format, &|name| std::env::var(name).ok()) {
            Ok(plan) => plans.push(plan),
            Err(mistakes) => {
                is_invalid = true;
                for mistake in mistakes {
                    // Some mistakes have no place.
                    let space = if mistake.line == 0 { " " } else { "" };
                    print_stderr_lines(format_args!("error: {name}:{space}{mistake}"));
                }
            }
        }
    }
    if is_invalid { Err(VerbError::Printed(Exit::Usage)) } else { Ok(plans) }
}

fn read_suite(path: &Path) -> Result<(String, SuiteFormat), VerbError> {
    let name = path.display();
    let Some(format) = SuiteFormat::of_path(path) else {
        return Err(VerbError::usage(format_args!(
            "{name} is not a suite\n  help: a suite ends in .upshift.toml, .yaml, .yml or .json"
        )));
    };
    let octets = std::fs::read(path)
        .map_err(|error| VerbError::usage(format_args!("cannot read {name}: {error}")))?;
    match String::from_utf8(octets) {
        Ok(text) => Ok((text, format)),
        Err(_) => Err(VerbError::usage(format_args!("{name} is not text (UTF-8)"))),
    }
}

/// Says that nothing was run, and why.
pub(crate) fn nothing_run(why: &str) -> Exit {
    print_stderr(why);
    Exit::NothingRun
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address of a case begins with this path.
    #[test]
    fn a_path_has_no_dots() {
        let rows =
            [(".", ""), ("./a.toml", "a.toml"), ("a/./b", "a/b"), ("../a", "../a"), ("/a", "/a")];
        for (path, expected) in rows {
            assert_eq!(without_dots(Path::new(path)), Path::new(expected), "{path}");
        }
    }
}
