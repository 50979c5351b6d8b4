//! `cargo xtask bare`: both commands of the README on a Debian that has nothing but what the README
//! asks for.
//!
//! The machine is a folder below the build folder, made by debootstrap. Rust and the trusted
//! certificate authorities come from this machine, read-only; everything else comes from Debian,
//! PyPI, npm and crates.io, as it would for a newcomer. What is mounted there is mounted in a
//! namespace of its own and is gone with the last process.

use std::path::{Path, PathBuf};

use crate::run::{command, find, output, root, succeeds, target};

/// The packages that the README asks for.
const PACKAGES: &str = "gcc libc6-dev git ca-certificates";

/// The hosts file of an installed Debian.
const HOSTS: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/// The commands of the README as it prints them, except that the demo ends by itself.
const COMMANDS: [(&str, &str); 2] =
    [("demo", "cargo run --release -- demo --for 10s"), ("tests", "cargo xtask test </dev/null")];

/// Runs the commands with these names, or both, on a bare Debian of this release; true when all
/// succeed.
pub(crate) fn run(release: &str, names: &[&str]) -> bool {
    if let Some(unknown) =
        names.iter().find(|name| COMMANDS.iter().all(|(known, _)| known != *name))
    {
        eprintln!("  there is no command {unknown}; they are demo and tests");
        return false;
    }
    let machine = target().join("bare").join(release);
    let toolchain = match prepare_machine(release, &machine) {
        Ok(toolchain) => toolchain,
        Err(why) => {
            eprintln!("  {why}");
            return false;
        }
    };
    let mut all = true;
    for (name, line) in COMMANDS {
        if names.is_empty() || names.contains(&name) {
            println!("── {name}: {line}");
            let succeeded = run_inside(&machine, &toolchain, line);
            println!("  {} {name}", if succeeded { "ok    " } else { "FAILED" });
            all &= succeeded;
        }
    }
    all
}

/// Makes the machine and copies the checkout into it. Returns the folder of this machine's Rust.
fn prepare_machine(release: &str, machine: &Path) -> Result<PathBuf, String> {
    make_machine(release, machine)?;
    copy_checkout(machine)?;
    let sysroot = output(&mut command("rustc", ["--print", "sysroot"]))?;
    Ok(PathBuf::from(sysroot.trim()))
}

/// Makes the machine if it does not exist yet.
fn make_machine(release: &str, machine: &Path) -> Result<(), String> {
    if output(&mut command("id", ["-u"]))?.trim() != "0" {
        return Err("only root can make a bare machine".to_owned());
    }
    for program in ["debootstrap", "unshare", "chroot", "git"] {
        if find(program).is_none() {
            return Err(format!("there is no {program}; `apt-get install {program}` brings it"));
        }
    }
    let made = machine.join("made");
    if made.is_file() {
        return Ok(());
    }
    println!("── a bare Debian {release}");
    std::fs::create_dir_all(machine).map_err(|error| format!("{}: {error}", machine.display()))?;
    let place = machine.to_string_lossy();
    output(&mut command(
        "debootstrap",
        ["--variant=minbase", release, &place, "http://deb.debian.org/debian"],
    ))?;
    let install =
        format!("apt-get update -qq && apt-get install -qq -y --no-install-recommends {PACKAGES}");
    output(
        command("chroot", [&*place, "sh", "-c", &install]).env("DEBIAN_FRONTEND", "noninteractive"),
    )?;
    // debootstrap leaves this to Debian's installer.
    std::fs::write(machine.join("etc/hosts"), HOSTS).map_err(|error| error.to_string())?;
    std::fs::write(made, "").map_err(|error| error.to_string())
}

/// Clones the last commit into the machine.
fn copy_checkout(machine: &Path) -> Result<(), String> {
    let clone = machine.join("upshift");
    if clone.exists() {
        std::fs::remove_dir_all(&clone).map_err(|error| format!("{}: {error}", clone.display()))?;
    }
    let (from, to) = (root().to_string_lossy(), clone.to_string_lossy());
    output(&mut command("git", ["clone", "--quiet", "--no-hardlinks", &from, &to])).map(drop)
}

/// Runs a line in the machine's checkout, with this machine's Rust.
fn run_inside(machine: &Path, toolchain: &Path, line: &str) -> bool {
    const MOUNT: &str = "set -e
        mkdir -p \"$0/opt/rust\"
        mount --rbind /dev \"$0/dev\"
        mount -t proc proc \"$0/proc\"
        mount --bind -o ro \"$1\" \"$0/opt/rust\"
        bundle=/etc/ssl/certs/ca-certificates.crt
        mount --bind -o ro $bundle \"$0$bundle\"
        exec chroot \"$0\" env -i HOME=/root LANG=C.UTF-8 PATH=/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
            PIP_CERT=$bundle NODE_EXTRA_CA_CERTS=$bundle CARGO_HTTP_CAINFO=$bundle \\
            sh -c \"cd /upshift && $2\"";
    let (machine, toolchain) = (machine.to_string_lossy(), toolchain.to_string_lossy());
    succeeds(&mut command(
        "unshare",
        ["--mount", "--fork", "--", "sh", "-c", MOUNT, &machine, &toolchain, line],
    ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    /// The commands that are run are those that the README shows.
    #[test]
    fn the_commands_are_those_of_the_readme() {
        let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
        for (_, line) in COMMANDS {
            let printed = line.trim_end_matches(" --for 10s").trim_end_matches(" </dev/null");
            assert!(readme.contains(printed), "{printed}");
        }
    }
}
