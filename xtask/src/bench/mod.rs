//! `cargo xtask bench [NAME]`: the cost of Upshift beside that of programs for the same.
//!
//! The numbers of docs/performance.md come from here. CI does not run it, because its machines are
//! shared, and a limit on times would fail by chance. The counts of instructions and system calls
//! are repeatable, and `bench counts --gate` holds them against xtask/counts.toml.

mod callgrind;
mod chart;
mod counts;
mod cpu_time;
mod decide;
mod fixed_rate;
mod forecast;
mod growth;
mod h2load;
mod http1;
mod latency;
mod memory;
mod options;
mod page;
mod process;
mod request_kind;
mod section;
mod servers;
mod side_by_side;
mod statistics;
mod test_bed;
mod throughput;
mod usage;
mod wrk;

/// Runs a benchmark, or all that are side by side with other servers; false if there is none of
/// this name, or it fails.
pub(crate) fn run(words: &[&str]) -> bool {
    let done = match words {
        ["decide"] => return decide::run(),
        ["forecast"] => return forecast::run(),
        [name, flags @ ..] if side_by_side::names().contains(name) => {
            side_by_side::run(Some(*name), flags)
        }
        [name, ..] if !name.starts_with("--") => Err(format!(
            "no benchmark is called {name}; there are decide, forecast, {}",
            side_by_side::names().join(", ")
        )),
        flags => side_by_side::run(None, flags),
    };
    match done {
        Ok(()) => true,
        Err(why) => {
            eprintln!("  {why}");
            false
        }
    }
}
