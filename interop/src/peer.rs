//! Which programs there are to talk to.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Program;
use crate::program::Output;

/// Why the peer `name` cannot be used; `None` if it can. `python packages` and `node packages` are
/// peers too.
///
/// # Panics
/// If it is missing although `cargo xtask` set it up: then a silent skip would hide a hole.
pub fn missing(name: &str) -> Option<String> {
    let there = match name {
        "python packages" => folder().join("python/installed").is_file(),
        "python requests" => folder().join("python-requests/installed").is_file(),
        "node packages" => folder().join("node/installed").is_file(),
        program => find(program).is_some(),
    };
    if there {
        return None;
    }
    if let Ok(expected) = std::env::var("UPSHIFT_MISSING") {
        assert!(
            expected.split(',').any(|missing| missing == name),
            "{name} was set up, but is not there"
        );
    }
    Some(format!("{name} is not installed"))
}

/// Writes down that `test` is skipped, and why.
pub fn skip(test: &str, why: &str) {
    eprintln!("skipped: {why}");
    let log =
        std::fs::OpenOptions::new().create(true).append(true).open(folder().join("skipped.log"));
    if let Ok(mut log) = log {
        // One write per line, for tests run side by side. A log that cannot be written is no reason
        // to fail.
        let _ = log.write_all(format!("{test}: {why}\n").as_bytes());
    }
}

/// Runs a Python program with the packages of `interop/requirements.txt`.
pub fn python(program: &str, arguments: &[&str]) -> Output {
    let interpreter = folder().join("python/bin/python");
    let words: Vec<&str> = ["-c", program].iter().chain(arguments).copied().collect();
    crate::run(&interpreter.to_string_lossy(), &words)
}

/// Runs a Node program (an ES module) with the packages of `interop/package.json`.
pub fn node(program: &str, arguments: &[&str]) -> Output {
    // A module finds its packages from where it stands, so it stands beside them.
    let name = format!(
        "test-{}-{}.mjs",
        std::process::id(),
        std::thread::current().name().unwrap_or("main")
    );
    let file = folder().join("node").join(name.replace("::", "-"));
    std::fs::write(&file, program).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let path = file.to_string_lossy().into_owned();
    let words: Vec<&str> = [path.as_str()].iter().chain(arguments).copied().collect();
    let output = crate::run("node", &words);
    std::fs::remove_file(&file).ok();
    output
}

/// Starts a Python server with the packages of `interop/requirements.txt`.
pub fn python_server(program: &str, arguments: &[&str]) -> Program {
    let mut command = Command::new(folder().join("python/bin/python"));
    // Unbuffered, so that its lines are there when they are said.
    command.args(["-u", "-c", program]).args(arguments);
    Program::start(command)
}

/// Starts a Node server (a CommonJS program) with the packages of `interop/package.json`.
pub fn node_server(program: &str, arguments: &[&str]) -> Program {
    let mut command = Command::new(find("node").unwrap_or_else(|| "node".into()));
    command.current_dir(folder().join("node")).args(["-e", program]).args(arguments);
    Program::start(command)
}

/// Envoy, out of its Python package.
pub fn envoy() -> Option<PathBuf> {
    let packages = std::fs::read_dir(folder().join("python/lib")).ok()?;
    let binaries =
        packages.flatten().map(|version| version.path().join("site-packages/envoy/_bin/envoy"));
    binaries.into_iter().find(|binary| binary.is_file())
}

/// The collector of OpenTelemetry data of the Python package rotel.
///
/// # Panics
/// If the package is not installed.
pub fn rotel() -> PathBuf {
    let packages = std::fs::read_dir(folder().join("python/lib")).into_iter().flatten().flatten();
    let mut binaries =
        packages.map(|version| version.path().join("site-packages/rotel/rotel-agent"));
    binaries.find(|binary| binary.is_file()).unwrap_or_else(|| panic!("rotel is not installed"))
}

/// Where `cargo xtask peers` puts what it installs.
pub(crate) fn folder() -> PathBuf {
    match std::env::var_os("UPSHIFT_PEERS") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers"),
    }
}

/// Where a program is; the `sbin` folders count, for servers live there.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(sbin)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}
