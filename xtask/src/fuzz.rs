//! The fuzz targets of `fuzz/`, each run with as many inputs as a few seconds allow.
//!
//! Stable Rust is enough. Only sanitizers need nightly, and there is no `unsafe` here for them to
//! check: the targets look for panics and failed assertions. libFuzzer, which the crate
//! `libfuzzer-sys` brings as C++ source, works with the coverage that stable Rust can instrument.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::run::{command, find, output, root, succeeds, target};
use crate::summary::StepResult;

/// The targets, and the folder whose files they start from.
const TARGETS: [(&str, Option<&str>); 8] = [
    ("field", None),
    ("policy_file", Some("examples")),
    ("decide", None),
    ("follow", None),
    ("http1_head", Some("fuzz/seeds/http1_head")),
    ("http1_chunked", Some("fuzz/seeds/http1_chunked")),
    ("http1_trailers", Some("fuzz/seeds/http1_trailers")),
    ("http1_requests", Some("fuzz/seeds/http1_requests")),
];

/// The inputs of each target. They are the same in every fresh clone, so that a change fails for
/// its own faults and not by chance. `just fuzz` looks further.
const INPUTS: [&str; 2] = ["-seed=426", "-runs=200000"];

/// The most seconds that a target may take for them.
const LIMIT: &str = "-max_total_time=8";

/// The lines of a failed run that are printed.
const LINES: usize = 40;

/// The flags for coverage that cargo-fuzz gives to rustc, without its sanitizer.
const RUSTFLAGS: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Builds all targets and runs each of them.
pub(crate) fn run() -> StepResult {
    if find("c++").is_none() {
        return StepResult::Skipped("libFuzzer needs a C++ compiler; `g++` brings it".to_owned());
    }
    let platform = match host_platform() {
        Ok(platform) => platform,
        Err(why) => {
            eprintln!("  {why}");
            return StepResult::Failed;
        }
    };
    if !succeeds(&mut build(&platform)) {
        return StepResult::Failed;
    }
    let mut all_succeeded = true;
    for (name, seeds) in TARGETS {
        all_succeeded &= fuzz(&platform, name, seeds);
    }
    StepResult::from(all_succeeded)
}

fn folder() -> PathBuf {
    target().join("fuzz")
}

fn build(platform: &str) -> Command {
    let mut build = command("cargo", ["build", "--quiet", "--locked", "--release", "--bins"]);
    build.args(["--manifest-path", "fuzz/Cargo.toml"]);
    // With a named platform, build scripts and procedural macros, which have no libFuzzer to link
    // with, are built without these flags.
    build.args(["--target", platform]);
    build.env("CARGO_TARGET_DIR", folder()).env("RUSTFLAGS", RUSTFLAGS);
    build
}

/// Runs one target. Inputs that reach new code stay in the build folder for the next run.
fn fuzz(platform: &str, name: &str, seeds: Option<&str>) -> bool {
    let corpus = folder().join("corpus").join(name);
    let artifacts = folder().join("artifacts").join(name);
    for place in [&corpus, &artifacts] {
        if let Err(error) = std::fs::create_dir_all(place) {
            eprintln!("  {}: {error}", place.display());
            return false;
        }
    }
    let program = folder().join(platform).join("release").join(name);
    let mut run = command(&program.to_string_lossy(), [&corpus]);
    if let Some(seeds) = seeds {
        run.arg(root().join(seeds));
    }
    // The input that fails is kept and named.
    run.args(INPUTS).arg(LIMIT).arg(format!("-artifact_prefix={}/", artifacts.display()));
    let started = Instant::now();
    match output(&mut run) {
        Ok(_) => {
            println!("  ok     {name:<15} {} s", started.elapsed().as_secs());
            true
        }
        Err(why) => {
            // libFuzzer prints a page before the lines that matter.
            let lines: Vec<&str> = why.lines().collect();
            let last = &lines[lines.len().saturating_sub(LINES)..];
            eprintln!("  FAILED {name}\n{}", last.join("\n"));
            false
        }
    }
}

/// The platform of this machine, as rustc names it.
fn host_platform() -> Result<String, String> {
    let text = output(&mut command("rustc", ["--version", "--verbose"]))?;
    for line in text.lines() {
        if let Some(host) = line.strip_prefix("host: ") {
            return Ok(host.to_owned());
        }
    }
    Err("rustc does not name its host".to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    /// Every fuzz target in the manifest is run.
    #[test]
    fn every_target_of_the_manifest_is_run() {
        let text = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        let mut names = Vec::new();
        for binary in manifest["bin"].as_array().unwrap() {
            names.push(binary["name"].as_str().unwrap());
        }
        assert_eq!(names, TARGETS.map(|(name, _)| name));
    }
}
