//! Installing Debian packages as root, without starting the services in them.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::run::{command, find, output, read_text};

/// The program that Debian asks before it starts a service. Exit code 101 forbids it.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const FORBID: &str =
    "#!/bin/sh\n# Written by `cargo xtask peers` while it installs, and removed by it.\nexit 101\n";

/// Installs packages. Returns those that could not be installed, with the reasons.
pub(crate) fn install_packages(packages: &[&str]) -> BTreeMap<String, String> {
    if packages.is_empty() {
        return BTreeMap::new();
    }
    if let Err(why) = check_allowed() {
        return refuse_all(packages, &why);
    }
    println!("  installing from Debian: {}", packages.join(" "));
    // The tests start the servers themselves, on ports of their own.
    let _forbidden = match ServicesForbidden::begin(Path::new(POLICY)) {
        Ok(forbidden) => forbidden,
        Err(error) => {
            let why = format!("cannot write {POLICY}, and services would be started: {error}");
            return refuse_all(packages, &why);
        }
    };
    if let Err(why) = run_apt(&["update", "--quiet=2"]) {
        println!("  {why}");
    }
    install_together_or_each(packages, |wanted| {
        let options = ["install", "--yes", "--quiet=2", "--no-install-recommends"];
        run_apt(&[&options[..], wanted].concat())
    })
}

fn refuse_all(packages: &[&str], why: &str) -> BTreeMap<String, String> {
    let mut refused = BTreeMap::new();
    for package in packages {
        refused.insert((*package).to_owned(), why.to_owned());
    }
    refused
}

/// Installs all packages at once, which is fast. If that fails, installs them one by one, so that a
/// package that does not exist costs no other.
fn install_together_or_each(
    packages: &[&str],
    mut install: impl FnMut(&[&str]) -> Result<(), String>,
) -> BTreeMap<String, String> {
    let mut refused = BTreeMap::new();
    if install(packages).is_ok() {
        return refused;
    }
    for package in packages {
        if let Err(why) = install(&[package]) {
            refused.insert((*package).to_owned(), why);
        }
    }
    refused
}

fn check_allowed() -> Result<(), String> {
    if find("apt-get").is_none() {
        return Err("there is no apt-get here".to_owned());
    }
    if output(&mut command("id", ["-u"]))?.trim() != "0" {
        return Err("not root; `apt-get install` brings it".to_owned());
    }
    Ok(())
}

fn run_apt(arguments: &[&str]) -> Result<(), String> {
    let mut apt = command("apt-get", arguments);
    let Err(messages) = output(apt.env("DEBIAN_FRONTEND", "noninteractive")) else {
        return Ok(());
    };
    // The reason is behind `E:`, between pages of progress.
    match messages.lines().find(|line| line.contains("E: ")) {
        Some(line) => Err(line.to_owned()),
        None => Err(messages),
    }
}

/// Forbids packages to start their services until it is dropped.
struct ServicesForbidden(Option<PathBuf>);

impl ServicesForbidden {
    /// Keeps a file of the administrator, and takes over one that an earlier run left behind.
    fn begin(policy: &Path) -> std::io::Result<Self> {
        let ours = read_text(policy) == FORBID;
        if policy.exists() && !ours {
            return Ok(Self(None));
        }
        let mut file =
            OpenOptions::new().create(true).write(true).truncate(true).mode(0o755).open(policy)?;
        file.write_all(FORBID.as_bytes())?;
        Ok(Self(Some(policy.to_owned())))
    }
}

impl Drop for ServicesForbidden {
    fn drop(&mut self) {
        if let Some(policy) = &self.0 {
            std::fs::remove_file(policy).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    /// A package that a release does not have does not keep the others from being installed.
    #[test]
    fn a_package_that_cannot_be_had_costs_no_other() {
        let mut asked = Vec::new();
        let refused = install_together_or_each(&["curl", "gone", "php-cli"], |wanted| {
            asked.push(wanted.join(" "));
            if wanted.contains(&"gone") {
                Err("Unable to locate package gone".to_owned())
            } else {
                Ok(())
            }
        });
        assert_eq!(
            refused.into_iter().collect::<Vec<_>>(),
            [("gone".to_owned(), "Unable to locate package gone".to_owned())]
        );
        assert_eq!(asked, ["curl gone php-cli", "curl", "gone", "php-cli"]);
    }

    /// Services are forbidden only during the installation: the file for that is removed at the
    /// end, and one of the administrator is kept.
    #[test]
    fn services_are_forbidden_only_while_it_installs() {
        let folder = std::env::temp_dir().join(format!("upshift-policy-rc-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let policy = folder.join("policy-rc.d");
        {
            let _forbidden = ServicesForbidden::begin(&policy).unwrap();
            let status = std::process::Command::new(&policy).status().unwrap();
            assert_eq!(status.code(), Some(101));
        }
        assert!(!policy.exists());
        std::fs::write(&policy, "an administrator's").unwrap();
        drop(ServicesForbidden::begin(&policy).unwrap());
        assert_eq!(std::fs::read_to_string(&policy).unwrap(), "an administrator's");
        std::fs::write(&policy, FORBID).unwrap();
        drop(ServicesForbidden::begin(&policy).unwrap());
        assert!(!policy.exists(), "what a run that was killed left behind");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
