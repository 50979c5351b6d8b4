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
    let help = "name a file in a folder that is writable for the gateway's user, \"syslog\" or \
                \"stdout\"";
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
