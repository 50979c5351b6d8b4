//! Checks of the store. They must not disturb a gateway that has it open.

use std::path::Path;

use rustix::fs::{Access, access};
use upshift_adoption::store::Store;
use upshift_config::KeyDiagnostic;

use super::problem::{error, warning};

/// The key of the store.
const STORE_KEY: &str = "gateway.store";

/// Checks the store. A gateway starts without a store that cannot be made, so that is a warning. It
/// does not start if the store exists and cannot be read, so that is an error.
pub(super) fn check_store(path: &Path) -> Option<KeyDiagnostic> {
    if let Err(cause) = Store::check_file(path) {
        let help = "name a file that upshift has made, or one that does not exist yet; with \
                    store = false, a restart forgets all changes";
        return Some(error(STORE_KEY, cause.to_string(), help));
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if folder.is_dir() {
        return check_writable(path, folder);
    }
    let message = format!(
        "the store {} cannot be made because there is no folder {}: changes by people and the \
         breaker would be forgotten at a restart",
        path.display(),
        folder.display()
    );
    let help = "name a file in a folder that is writable, or set store = false";
    Some(warning(STORE_KEY, message, help))
}

/// Warns if the gateway cannot write to the store, its lock file or its folder.
fn check_writable(path: &Path, folder: &Path) -> Option<KeyDiagnostic> {
    let mut lock = path.as_os_str().to_owned();
    lock.push("-lock");
    let mut written = vec![path, Path::new(&lock)];
    written.retain(|file| file.exists());
    // A missing file is made in the folder.
    if written.len() < 2 {
        written.push(folder);
    }
    for file in written {
        if let Err(cause) = access(file, Access::WRITE_OK) {
            let message = format!(
                "the store {} cannot be written ({}: {cause}): changes by people and the breaker \
                 would be forgotten at a restart",
                path.display(),
                file.display()
            );
            let help = "make it writable for the gateway's user, or name another file";
            return Some(warning(STORE_KEY, message, help));
        }
    }
    None
}
