//! Checks of the destination of access records. Nothing is written, and no file is made.

use std::path::Path;

use rustix::fs::{Access, access};
use upshift_config::{AccessLog, KeyDiagnostic, RecordDestination};

use super::problem::error;

/// Checks that the gateway could open the destination.
pub(super) fn check_access_log(log: &AccessLog) -> Option<KeyDiagnostic> {
    let (path, found) = match log.destination() {
        RecordDestination::Stdout => return None,
        RecordDestination::File(path) => (path, check_file(path)),
        RecordDestination::Syslog(path) => (path, access(path, Access::WRITE_OK)),
    };
    let cause = found.err()?;
    let message = format!("the access record cannot be written to {}: {cause}", path.display());
    let help = match log.destination() {
        RecordDestination::Syslog(_) => {
            "start a syslog daemon that listens there (syslog in a container needs its socket \
             mounted), name another socket as \"syslog:SOCKET\", or write to a file or \"stdout\""
        }
        RecordDestination::File(_) | RecordDestination::Stdout => {
            "name a file in a folder that is writable for the gateway's user, \"syslog\" or \
             \"stdout\""
        }
    };
    Some(error("gateway.access-log.to", message, help))
}

/// A missing file is made in its folder.
fn check_file(path: &Path) -> rustix::io::Result<()> {
    if path.exists() {
        return access(path, Access::WRITE_OK);
    }
    match path.parent() {
        Some(folder) if folder != Path::new("") => access(folder, Access::WRITE_OK),
        _ => access(".", Access::WRITE_OK),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use upshift_config::RecordedRequests;

    use super::*;

    /// A missing socket of a syslog daemon was answered with advice about writable folders.
    #[test]
    fn the_help_fits_the_destination() {
        let missing = Path::new("/nonexistent/upshift/log");
        for (to, expected) in [
            (RecordDestination::Syslog(missing.to_owned()), "start a syslog daemon"),
            (RecordDestination::File(missing.to_owned()), "name a file in a folder"),
        ] {
            let log = AccessLog { to, ..AccessLog::of_requests(RecordedRequests::All) };
            let found = check_access_log(&log).unwrap();
            assert!(found.help.starts_with(expected), "{}", found.help);
        }
        assert!(check_access_log(&AccessLog::of_requests(RecordedRequests::All)).is_none());
    }
}
