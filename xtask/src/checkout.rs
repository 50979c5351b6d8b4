//! Files that do not belong in the checkout: private files, databases, keys and certificates.
//!
//! 1. The root contains only what [`ROOT`] names, and files that git ignores.
//! 2. A database, a key or a certificate is among the fixtures of a test or nowhere, whatever its
//!    name is.
//! 3. No test writes into the checkout: a [`Snapshot`] from before the tests is compared with one
//!    from after them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::Findings;
use crate::run::{command, entries, output, root, shown};

/// The files and folders that may be at the root.
const ROOT: &[&str] = &[
    ".cargo",
    ".ci",
    ".config",
    ".git",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "clippy.toml",
    "conformance",
    "crates",
    "deny.toml",
    "docs",
    "examples",
    "fuzz",
    "integrations",
    "interop",
    "justfile",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "target",
    "upshift-suite.schema.json",
    "upshift.reference.toml",
    "upshift.schema.json",
    "xtask",
];

/// Folders of build output, of fetched files and of git. Their contents are not checked.
const BUILT: &[&str] = &[".git", "target", "node_modules"];

/// The file extensions of databases, keys and certificates.
const ENDINGS: &[&str] = &[
    "cer",
    "crt",
    "db",
    "db-journal",
    "db-shm",
    "db-wal",
    "der",
    "jks",
    "key",
    "p12",
    "p8",
    "pem",
    "pfx",
    "sqlite",
    "sqlite3",
];

/// The first bytes of a database: a file of SQLite, and its write-ahead log in both byte orders.
const DATABASES: &[&[u8]] = &[b"SQLite format 3\0", b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83"];

/// Lists the files that do not belong where they are.
pub(crate) fn check() -> Findings {
    let files = list_committed(root());
    let mut findings = find_unnamed(root(), &files);
    for file in files {
        let content = std::fs::read(&file).unwrap_or_default();
        if let Some(what) = describe_secret(&file, &content) {
            findings.push(format!(
                "{}: {what}: remove it, or put what a test needs into a folder tests/fixtures",
                shown(&file)
            ));
        }
    }
    findings
}

/// The files below a folder that are in git or that `git add` would add; all files if there is no
/// git.
fn list_committed(folder: &Path) -> Vec<PathBuf> {
    let mut git = command("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let Ok(listed) = output(git.current_dir(folder)) else { return all_files(folder) };
    let mut found = Vec::new();
    for name in listed.split_terminator('\0') {
        let file = folder.join(name);
        // A removed file is in git until the next commit.
        if file.symlink_metadata().is_ok() {
            found.push(file);
        }
    }
    found
}

/// The files and folders at the root that are not named in [`ROOT`].
fn find_unnamed(folder: &Path, files: &[PathBuf]) -> Findings {
    let mut names = BTreeSet::new();
    for file in files {
        let inside = file.strip_prefix(folder).unwrap_or(file);
        names.extend(inside.iter().next().map(|name| name.to_string_lossy().into_owned()));
    }
    let mut findings = Findings::new();
    for name in names {
        if !ROOT.contains(&name.as_str()) {
            findings.push(format!(
                "{name}: does not belong at the root: remove it, or name it in \
                 xtask/src/checkout.rs"
            ));
        }
    }
    findings
}

/// Describes the secret that a file is or holds, unless it is a fixture of a test.
fn describe_secret(file: &Path, content: &[u8]) -> Option<&'static str> {
    if is_fixture(file) {
        return None;
    }
    let ending = file.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if ENDINGS.contains(&ending.as_str()) {
        return Some("named like a database, a key or a certificate");
    }
    if DATABASES.iter().any(|magic| content.starts_with(magic)) {
        return Some("a database");
    }
    if holds_pem(content) { Some("holds a private key or a certificate") } else { None }
}

/// Returns true if a file is below a folder `tests/fixtures`.
fn is_fixture(file: &Path) -> bool {
    let folders: Vec<_> = file.parent().unwrap_or(file).iter().collect();
    folders.windows(2).any(|pair| pair[0] == "tests" && pair[1] == "fixtures")
}

/// RFC 7468 §3: returns true if a text has the first line of a private key or a certificate.
fn holds_pem(content: &[u8]) -> bool {
    const BEGIN: &str = "-----BEGIN ";
    let text = String::from_utf8_lossy(content);
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once(BEGIN)
            && let Some((label, _)) = rest.split_once("-----")
            && (label.ends_with("PRIVATE KEY") || label.ends_with("CERTIFICATE"))
        {
            return true;
        }
    }
    false
}

/// The files below a folder, hidden ones too, without build output and fetched files.
fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in entries(&folder) {
            let path = entry.path();
            // Not `is_dir()` of the path, which would follow a link.
            let is_folder = matches!(entry.file_type(), Ok(kind) if kind.is_dir());
            if BUILT.iter().any(|built| entry.file_name() == *built) {
                continue;
            }
            if is_folder {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The files of the checkout, each with its size and the time of its last change.
pub(crate) struct Snapshot(BTreeMap<PathBuf, (u64, Option<SystemTime>)>);

impl Snapshot {
    /// The checkout as it is now.
    pub(crate) fn take() -> Self {
        Self::of_folder(root())
    }

    fn of_folder(folder: &Path) -> Self {
        let mut files_now = BTreeMap::new();
        for file in all_files(folder) {
            if let Ok(about) = std::fs::symlink_metadata(&file) {
                files_now.insert(file, (about.len(), about.modified().ok()));
            }
        }
        Self(files_now)
    }

    /// Lists the files that were written, changed or removed since then.
    pub(crate) fn changes_until(&self, after: &Self) -> Findings {
        let mut findings = Findings::new();
        for (file, about) in &after.0 {
            match self.0.get(file) {
                None => findings.push(format!("{}: written while the tests ran", shown(file))),
                Some(before) if before != about => {
                    findings.push(format!("{}: changed while the tests ran", shown(file)));
                }
                Some(_) => {}
            }
        }
        for file in self.0.keys() {
            if !after.0.contains_key(file) {
                findings.push(format!("{}: removed while the tests ran", shown(file)));
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    /// A folder that is removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir()
                .join(format!("upshift-checkout-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }

    /// A file at the root that is not named is refused, so that no private file is committed just
    /// because it is there.
    #[test]
    fn a_file_at_the_root_that_is_not_named_is_refused() {
        let folder = Folder::new("root");
        for name in ["Cargo.toml", "u.toml", "upshift.db"] {
            std::fs::write(folder.0.join(name), "").unwrap();
        }
        for name in ["target", "scratch"] {
            std::fs::create_dir_all(folder.0.join(name)).unwrap();
            std::fs::write(folder.0.join(name).join("file"), "").unwrap();
        }
        assert_eq!(
            names_of(&find_unnamed(&folder.0, &all_files(&folder.0))),
            ["scratch", "u.toml", "upshift.db"]
        );
    }

    fn names_of(found: &Findings) -> Vec<&str> {
        found.iter().filter_map(|line| line.split(':').next()).collect()
    }

    /// Files that git ignores are not refused, such as the store of a gateway that was tried out in
    /// the checkout.
    #[test]
    fn what_git_ignores_is_nothing_of_the_checkout() {
        let folder = Folder::new("ignored");
        let made = output(command("git", ["init", "--quiet"]).current_dir(&folder.0));
        assert_eq!(made, Ok(String::new()));
        std::fs::write(folder.0.join(".gitignore"), "/upshift.db\n").unwrap();
        for name in ["Cargo.toml", "upshift.db", "other.db"] {
            std::fs::write(folder.0.join(name), "").unwrap();
        }
        assert_eq!(names_of(&find_unnamed(&folder.0, &list_committed(&folder.0))), ["other.db"]);
    }

    /// Databases, keys and certificates are recognized by name and by content, so that none is
    /// committed under an innocent name.
    #[test]
    fn databases_keys_and_certificates_are_known_by_name_and_by_content() {
        let pem = |label: &str| format!("text\n-----BEGIN {label}-----\nAAAA\n").into_bytes();
        let refused: [(&str, Vec<u8>); 7] = [
            ("crates/a/STORE.DB", Vec::new()),
            ("docs/server.pem", Vec::new()),
            ("docs/notes.txt", b"SQLite format 3\0 and more".to_vec()),
            ("docs/log", b"\x37\x7f\x06\x82 and more".to_vec()),
            ("docs/notes.md", pem("PRIVATE KEY")),
            ("docs/notes.md", pem("OPENSSH PRIVATE KEY")),
            ("docs/notes.md", pem("CERTIFICATE")),
        ];
        for (file, content) in &refused {
            assert!(describe_secret(Path::new(file), content).is_some(), "{file}");
            let fixture = Path::new("crates/a/tests/fixtures").join(file);
            assert_eq!(describe_secret(&fixture, content), None, "{}", fixture.display());
        }
        assert_eq!(describe_secret(Path::new("docs/notes.md"), &pem("PUBLIC KEY")), None);
        assert_eq!(describe_secret(Path::new("docs/sqlite.md"), b"the SQLite format 3"), None);
    }

    /// Files that are written, changed or removed while the tests run are named. Whether git
    /// ignores them does not matter.
    #[test]
    fn what_is_written_while_the_tests_run_is_named() {
        let folder = Folder::new("snapshot");
        let path = |name: &str| folder.0.join(name);
        for name in ["stays", "changes", "goes"] {
            std::fs::write(path(name), "").unwrap();
        }
        let before = Snapshot::of_folder(&folder.0);
        std::fs::write(path("changes"), "more").unwrap();
        std::fs::remove_file(path("goes")).unwrap();
        std::fs::write(path("comes"), "").unwrap();
        std::fs::create_dir_all(path("target")).unwrap();
        std::fs::write(path("target/built"), "").unwrap();
        let found = before.changes_until(&Snapshot::of_folder(&folder.0)).join("\n");
        for line in ["changes: changed", "comes: written", "goes: removed"] {
            assert!(found.contains(line), "{line}: {found}");
        }
        assert_eq!(found.lines().count(), 3, "{found}");
    }
}
