//! The values of flags of `upshift grade`, and the search for the client.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use upshift_lab::grade::Letter;

use crate::verb_error::VerbError;

/// Reads a number of seconds above zero and up to ten minutes.
pub(super) fn parse_seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 600.0 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("write a number of seconds above 0 and up to 600, such as 2.5".to_owned()),
    }
}

/// Reads a letter.
pub(super) fn parse_letter(text: &str) -> Result<Letter, String> {
    Letter::parse(text).ok_or_else(|| "write A, B, C, D or F".to_owned())
}

/// Checks that the client exists, before any peer is started.
pub(super) fn find_program(program: &str) -> Result<(), VerbError> {
    if program.contains('/') {
        return match is_executable(Path::new(program)) {
            true => Ok(()),
            false => {
                let message = format!("cannot run the client: {program} is no executable file");
                Err(VerbError::environment(message))
            }
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path);
    if folders.any(|folder| is_executable(&folder.join(program))) {
        return Ok(());
    }
    let help = "install it, or write its path";
    let message = format!("cannot run the client: there is no `{program}` in PATH; {help}");
    Err(VerbError::environment(message))
}

fn is_executable(file: &Path) -> bool {
    let metadata = file.metadata();
    metadata.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
