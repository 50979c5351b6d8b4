//! The longer programs of the tests: `interop/programs`, run with the packages that
//! `cargo xtask peers` installs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::peer::{find, folder};
use crate::{Output, Program};

/// Runs a program to its end: `fronts.py`, by its name.
///
/// # Panics
/// If it cannot be started.
pub fn script(name: &str, arguments: &[&str]) -> Output {
    Output::of(command(name, arguments))
}

/// Starts a program that runs as long as the value: `upstreams.cjs`, by its name.
pub fn start_script(name: &str, arguments: &[&str]) -> Program {
    Program::start(command(name, arguments))
}

/// A program in the Python environment: `kosoku`.
pub fn python_tool(name: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(folder().join("python/bin").join(name));
    command.args(arguments);
    Output::of(command)
}

fn command(name: &str, arguments: &[&str]) -> Command {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs").join(name);
    let interpreter = match file.extension().and_then(|ending| ending.to_str()) {
        Some("py") => folder().join("python/bin/python"),
        Some("java") => found("java"),
        _ => found("node"),
    };
    let mut command = Command::new(interpreter);
    // A CommonJS module finds its packages here, wherever it stands itself.
    command.env("NODE_PATH", folder().join("node/node_modules"));
    // Modules that programs share leave no compiled copies in the source tree.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg(file).args(arguments);
    command
}

fn found(program: &str) -> PathBuf {
    find(program).unwrap_or_else(|| program.into())
}
