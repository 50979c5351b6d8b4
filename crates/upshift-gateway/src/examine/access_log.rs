//! Checks of the destination of access records. Nothing is written, and no file is made.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;
use upshift_config::{AccessLog, KeyDiagnostic, RecordDestination};

use super::problem::error;
use crate::telemetry::access::AccessOutput;

/// The most symbolic links that are followed, as by the kernel.
const MOST_LINKS: usize = 40;

/// Checks that the gateway could open the destination.
pub(super) fn check_access_log(log: &AccessLog) -> Option<KeyDiagnostic> {
    let destination = log.destination();
    let (message, help) = match destination {
        RecordDestination::Stdout => return None,
        RecordDestination::File(path) => {
            let cause = check_file(path).err()?;
            let path = path.display();
            let help = "name a file in a folder that is writable for the gateway's user, \
                        \"syslog\" or \"stdout\"";
            (format!("the access record cannot be written to {path}: {cause}"), help)
        }
        RecordDestination::Syslog(_) => {
            // To connect sends nothing. The error names the path.
            let cause = AccessOutput::open(destination).err()?;
            let help = "start a syslog daemon that listens there (syslog in a container needs its \
                        socket mounted), name another socket as \"syslog:SOCKET\", or write to a \
                        file or \"stdout\"";
            (format!("the access record cannot be sent to syslog: {cause}"), help)
        }
    };
    Some(error("gateway.access-log.to", message, help))
}

/// Checks that the file can be appended to, or else made.
fn check_file(path: &Path) -> io::Result<()> {
    let target = follow_links(path)?;
    let kind = match target.metadata() {
        Ok(found) => found.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return check_folder(&target),
        Err(error) => return Err(error),
    };
    if kind.is_dir() {
        return Err(Errno::ISDIR.into());
    }
    if kind.is_fifo() || kind.is_socket() {
        return Err(io::Error::other("it is a pipe or a socket"));
    }
    Ok(access(&target, Access::WRITE_OK)?)
}

/// Checks that a file that does not exist can be made in its folder.
fn check_folder(path: &Path) -> io::Result<()> {
    // A name that ends with a slash is that of a folder.
    if path.as_os_str().as_bytes().ends_with(b"/") {
        return Err(Errno::ISDIR.into());
    }
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str() != OsStr::new("") => folder,
        _ => Path::new("."),
    };
    if !folder.metadata()?.is_dir() {
        return Err(Errno::NOTDIR.into());
    }
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// The path that the file's name leads to: a link to a file that does not exist makes that file.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        match target.symlink_metadata() {
            Ok(found) if found.is_symlink() => {}
            _ => return Ok(target),
        }
        let link = target.read_link()?;
        let folder = target.parent().unwrap_or(Path::new("/"));
        // An absolute link replaces the folder.
        target = folder.join(link);
    }
    Err(Errno::LOOP.into())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::{UnixDatagram, UnixListener};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    /// A folder that is removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("upshift-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn to(destination: RecordDestination) -> AccessLog {
        let requests = upshift_config::RecordedRequests::All;
        AccessLog { to: destination, requests, ..AccessLog::default() }
    }

    /// `check` finds an error exactly where a start would fail.
    #[test]
    fn the_check_agrees_with_the_start() {
        let folder = Folder::new("access-log-check");
        let path = |name: &str| folder.0.join(name);
        fs::create_dir(path("folder")).unwrap();
        fs::write(path("file"), "").unwrap();
        mknodat(CWD, path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let _listener = UnixListener::bind(path("socket")).unwrap();
        symlink("file", path("link")).unwrap();
        symlink("made-by-link", path("link-to-new")).unwrap();
        symlink("nowhere/file", path("link-to-nowhere")).unwrap();
        symlink("folder", path("link-to-folder")).unwrap();
        symlink("loop", path("loop")).unwrap();
        for (name, fault) in [
            ("file", None),
            ("new", None),
            ("link", None),
            ("link-to-new", None),
            ("folder", Some("Is a directory")),
            ("link-to-folder", Some("Is a directory")),
            ("new-folder/", Some("Is a directory")),
            ("file/new", Some("Not a directory")),
            ("nowhere/file", Some("No such file or directory")),
            ("link-to-nowhere", Some("No such file or directory")),
            ("loop", Some("symbolic links")),
            ("pipe", Some("pipe")),
            ("socket", Some("socket")),
        ] {
            let log = to(RecordDestination::File(path(name)));
            // The start comes last, because it makes the file.
            let found = check_access_log(&log);
            assert_eq!(AccessOutput::open(&log.to).is_err(), fault.is_some(), "{name}");
            match (found, fault) {
                (Some(found), Some(fault)) => assert!(found.message.contains(fault), "{found:?}"),
                (found, fault) => assert!(found.is_none() && fault.is_none(), "{name}: {found:?}"),
            }
        }
    }

    #[test]
    fn syslog_needs_a_daemon() {
        let folder = Folder::new("syslog-check");
        let (socket, file) = (folder.0.join("log"), folder.0.join("file"));
        let daemon = UnixDatagram::bind(&socket).unwrap();
        let log = to(RecordDestination::Syslog(socket));
        assert!(check_access_log(&log).is_none());
        drop(daemon);
        fs::write(&file, "").unwrap();
        for log in [log, to(RecordDestination::Syslog(file))] {
            let found = check_access_log(&log).unwrap();
            assert!(found.message.contains("Connection refused"), "{found:?}");
        }
    }

    /// A missing socket of a syslog daemon was answered with advice about writable folders.
    #[test]
    fn the_help_fits_the_destination() {
        let missing = Path::new("/nonexistent/upshift/log");
        for (destination, expected) in [
            (RecordDestination::Syslog(missing.to_owned()), "start a syslog daemon"),
            (RecordDestination::File(missing.to_owned()), "name a file in a folder"),
        ] {
            let log = to(destination);
            let found = check_access_log(&log).unwrap();
            assert!(found.help.starts_with(expected), "{}", found.help);
        }
        assert!(check_access_log(&to(RecordDestination::Stdout)).is_none());
    }
}
