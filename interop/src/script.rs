//! The longer programs of the tests: `interop/programs`, run with the packages that
//! `cargo xtask peers` installs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::peer::{find, folder};
use crate::{Output, Program, Scratch};

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

/// Runs a program in the Python environment to its end: `kosoku`.
pub fn python_tool(name: &str, arguments: &[&str]) -> Output {
    let mut command = python_tool_command(name);
    command.args(arguments);
    Output::of(command)
}

/// The command of a program in the Python environment: `pytest`.
pub fn python_tool_command(name: &str) -> Command {
    let mut command = Command::new(folder().join("python/bin").join(name));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Builds a program in Go and runs it to its end: `http1/client.go`.
pub fn go_program(name: &str, arguments: &[&str]) -> Output {
    let folder = Scratch::new();
    let mut command = build_go(name, &folder);
    command.args(arguments);
    Output::of(command)
}

/// Builds a program in Go: `http1/echo.go`. The executable is in `folder`, because `go run` would
/// leave its child behind when it is stopped.
pub(crate) fn build_go(name: &str, folder: &Scratch) -> Command {
    let executable = folder.path().join("go-program");
    let mut build = Command::new(found("go"));
    build.env("GOCACHE", folder.path().join("go-cache"));
    build.env("GO111MODULE", "off").env("GOFLAGS", "-mod=mod");
    build.args(["build", "-o"]).arg(&executable).arg(source(name));
    Output::of(build).ok();
    Command::new(executable)
}

/// Writes a configuration file with its places, such as `@address@`, filled in.
pub(crate) fn fill_in(name: &str, folder: &Scratch, places: &[(&str, String)]) -> PathBuf {
    let file = source(name);
    let template = std::fs::read_to_string(&file);
    let mut text = template.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    for (place, value) in places {
        text = text.replace(place, value);
    }
    folder.file("configuration", text)
}

pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs").join(name)
}

fn command(name: &str, arguments: &[&str]) -> Command {
    let file = source(name);
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
