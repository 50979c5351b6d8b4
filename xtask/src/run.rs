//! Running other programs: from the root of the project, and without stdin, so that none of them
//! waits for a person.

use std::ffi::{OsStr, OsString};
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The root of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}

/// The packages and features of every build of the tests. With one selection, Cargo builds each
/// dependency once. Optional features are tested only if they are named.
pub(crate) const SELECTION: [&str; 3] = ["--workspace", "--features", "upshift-client/reqwest"];

/// Returns true in CI, where a missing program is a failure.
pub(crate) fn on_ci() -> bool {
    matches!(std::env::var("CI").as_deref(), Ok("true"))
}

/// The folder in which Cargo builds.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        // Cargo takes a relative one from where it is run, which is the root.
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// A command that runs from the root.
pub(crate) fn command<S: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs a command with its output shown; true if it exited with 0.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("  cannot run {}: {error}", command.get_program().to_string_lossy());
            false
        }
    }
}

/// Runs a command and returns its stdout, or the reason why there is none.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return Err(format!("cannot run {name}: {error}")),
    };
    if !output.status.success() {
        let messages = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{name} failed ({}): {}", output.status, messages.trim()));
    }
    match String::from_utf8(output.stdout) {
        Ok(text) => Ok(text),
        Err(_) => Err(format!("{name} printed something that is not UTF-8")),
    }
}

/// Finds a program in PATH and in the `sbin` folders, where servers are and which a user's PATH may
/// lack.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = path_variable();
    let sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    for folder in std::env::split_paths(&path).chain(sbin) {
        let file = folder.join(program);
        if file.is_file() {
            return Some(file);
        }
    }
    None
}

/// The value of PATH; empty if it is not set.
pub(crate) fn path_variable() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// Reads a file as text. A file that cannot be read is empty.
pub(crate) fn read_text(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

/// The files and folders in `folder`; none if it cannot be read.
pub(crate) fn entries(folder: &Path) -> Vec<DirEntry> {
    let mut entries = Vec::new();
    if let Ok(found) = std::fs::read_dir(folder) {
        for entry in found {
            entries.extend(entry.ok());
        }
    }
    entries
}

/// The files below `folder` whose names end in `ending`, sorted, without build output and hidden
/// folders.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in entries(&folder) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules"
            {
                folders.push(path);
            } else if path.is_file() && name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The path relative to the root.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Waits. For commands that measure: nothing is served by this process.
#[expect(clippy::disallowed_methods, reason = "this process serves no connections")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
