//! Programs out of Debian packages: installed by root, all at once or one by one, and never
//! started.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::run::{command, find, output};

/// What Debian asks before it starts a service; 101: it may not.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const FORBID: &str =
    "#!/bin/sh\n# Written by `cargo xtask peers` while it installs, and removed by it.\nexit 101\n";

/// Installs packages; those that cannot be had, each with the reason.
pub(crate) fn install(packages: &[&str]) -> BTreeMap<String, String> {
    if packages.is_empty() {
        return BTreeMap::new();
    }
    if let Err(why) = allowed() {
        return packages.iter().map(|package| ((*package).to_owned(), why.clone())).collect();
    }
    println!("  installing from Debian: {}", packages.join(" "));
    // Servers are wanted as programs only.
    let _unstarted = match Unstarted::begin(Path::new(POLICY)) {
        Ok(unstarted) => unstarted,
        Err(error) => {
            let why = format!(
                "{POLICY} cannot be written, and without it services would be started: {error}"
            );
            return packages.iter().map(|package| ((*package).to_owned(), why.clone())).collect();
        }
    };
    if let Err(why) = apt(&["update", "--quiet=2"]) {
        println!("  {why}");
    }
    each(packages, |wanted| {
        let options = ["install", "--yes", "--quiet=2", "--no-install-recommends"];
        apt(&[&options[..], wanted].concat())
    })
}

/// All at once, which is fast; where that fails, one by one, so that one that cannot be had costs
/// no other.
fn each(
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

fn allowed() -> Result<(), String> {
    if find("apt-get").is_none() {
        return Err("there is no apt-get here".to_owned());
    }
    if output(&mut command("id", ["-u"]))?.trim() != "0" {
        return Err("not root; `apt-get install` brings it".to_owned());
    }
    Ok(())
}

fn apt(arguments: &[&str]) -> Result<(), String> {
    let quiet = [("DEBIAN_FRONTEND", "noninteractive")];
    let done = output(command("apt-get", arguments).envs(quiet));
    done.map(drop)
        .map_err(|talk| talk.lines().find(|line| line.contains("E: ")).unwrap_or(&talk).to_owned())
}

/// Forbids packages to start their services, as long as this value.
struct Unstarted(Option<PathBuf>);

impl Unstarted {
    /// What an administrator put there stays; what an earlier run left behind is taken over.
    fn begin(policy: &Path) -> std::io::Result<Self> {
        let ours = std::fs::read_to_string(policy).is_ok_and(|text| text == FORBID);
        if policy.exists() && !ours {
            return Ok(Self(None));
        }
        let mut file =
            OpenOptions::new().create(true).write(true).truncate(true).mode(0o755).open(policy)?;
        file.write_all(FORBID.as_bytes())?;
        Ok(Self(Some(policy.to_owned())))
    }
}

impl Drop for Unstarted {
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

    /// The kind of fault: one package that a release does not have costs all the others.
    #[test]
    fn a_package_that_cannot_be_had_costs_no_other() {
        let mut asked = Vec::new();
        let refused = each(&["curl", "gone", "php-cli"], |wanted| {
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

    /// The kind of fault: a set-up that changes the machine beyond what it says, or forgets to
    /// change it back.
    #[test]
    fn services_are_forbidden_only_while_it_installs() {
        let folder = std::env::temp_dir().join(format!("upshift-policy-rc-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let policy = folder.join("policy-rc.d");
        {
            let _unstarted = Unstarted::begin(&policy).unwrap();
            let status = std::process::Command::new(&policy).status().unwrap();
            assert_eq!(status.code(), Some(101));
        }
        assert!(!policy.exists());
        std::fs::write(&policy, "an administrator's").unwrap();
        drop(Unstarted::begin(&policy).unwrap());
        assert_eq!(std::fs::read_to_string(&policy).unwrap(), "an administrator's");
        std::fs::write(&policy, FORBID).unwrap();
        drop(Unstarted::begin(&policy).unwrap());
        assert!(!policy.exists(), "what a run that was killed left behind");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
