//! The place of the store if the policy file does not name one.

use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use upshift_config::GatewaySettings;

/// The folders in which this machine wants programs to keep state.
#[derive(Debug, Default)]
struct StateFolders {
    /// `STATE_DIRECTORY`, as systemd sets it for a unit with `StateDirectory=`.
    of_the_unit: Option<PathBuf>,
    /// `$XDG_STATE_HOME/upshift`, or `~/.local/state/upshift`.
    of_the_user: Option<PathBuf>,
}

/// Chooses the place of a store that the policy file does not name: the state folder of the systemd
/// unit, else the folder of the policy file if it is writable, else the state folder of the user.
pub(crate) fn usual_store(beside: &Path) -> PathBuf {
    choose_store(beside, StateFolders::from_environment())
}

impl StateFolders {
    fn from_environment() -> Self {
        // systemd.exec(5): if the unit has several folders, colons separate them.
        let folders = std::env::var_os("STATE_DIRECTORY").unwrap_or_default();
        let of_the_unit = std::env::split_paths(&folders).next();
        let of_the_user = match absolute_folder("XDG_STATE_HOME") {
            Some(folder) => Some(folder),
            None => home_state(),
        };
        Self {
            // A relative folder does not come from systemd, and would depend on where we were
            // started.
            of_the_unit: of_the_unit.filter(|folder| folder.is_absolute()),
            of_the_user: of_the_user.map(|folder| folder.join("upshift")),
        }
    }
}

/// The folder that a variable names. The XDG specification says to ignore relative ones.
fn absolute_folder(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os(name)?);
    if folder.is_absolute() { Some(folder) } else { None }
}

fn home_state() -> Option<PathBuf> {
    Some(absolute_folder("HOME")?.join(".local/state"))
}

fn choose_store(beside: &Path, offered: StateFolders) -> PathBuf {
    // An existing store wins: it holds pauses, and a gateway that starts without them would refuse
    // callers again.
    if let Some(folder) = offered.of_the_unit {
        let store = folder.join(GatewaySettings::STORE);
        return if beside.exists() && !store.exists() { beside.to_owned() } else { store };
    }
    if beside.exists() || can_be_written(beside.parent().unwrap_or(beside)) {
        return beside.to_owned();
    }
    match offered.of_the_user {
        // Only for its owner: the store has fingerprints of callers.
        Some(folder) if DirBuilder::new().recursive(true).mode(0o700).create(&folder).is_ok() => {
            folder.join(GatewaySettings::STORE)
        }
        // Opening the store there fails later, with an error that names the place and its reason.
        _ => beside.to_owned(),
    }
}

/// Returns true if files can be made in a folder. A full disk counts as writable: it may have room
/// later.
fn can_be_written(folder: &Path) -> bool {
    // Tries it, because mode bits ignore access lists, read-only mounts and the rights of root.
    let trial = folder.join(format!(".upshift-{}", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).open(&trial);
    match made {
        Ok(_) => std::fs::remove_file(&trial).is_ok(),
        Err(error) => {
            !matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    fn in_unit(folder: &Path) -> StateFolders {
        StateFolders { of_the_unit: Some(folder.to_owned()), of_the_user: None }
    }

    /// A store that exists is used where it is. A new one in another place would forget a pause.
    #[test]
    fn a_store_that_is_there_stays() {
        let folder = std::env::temp_dir().join(format!("upshift-state-{}", std::process::id()));
        let (policy, unit) = (folder.join("etc"), folder.join("unit"));
        std::fs::create_dir_all(&policy).unwrap();
        std::fs::create_dir_all(&unit).unwrap();
        let (beside, of_the_unit) =
            (policy.join(GatewaySettings::STORE), unit.join(GatewaySettings::STORE));
        assert_eq!(choose_store(&beside, in_unit(&unit)), of_the_unit);
        assert_eq!(choose_store(&beside, StateFolders::default()), beside);
        std::fs::write(&beside, "").unwrap();
        assert_eq!(choose_store(&beside, in_unit(&unit)), beside);
        std::fs::write(&of_the_unit, "").unwrap();
        assert_eq!(choose_store(&beside, in_unit(&unit)), of_the_unit);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
