//! `cargo xtask bench NAME`: the cost of a part of Upshift beside that of programs for the same.
//!
//! The numbers of docs/performance.md come from here. CI does not run it, because its machines are
//! shared, and a limit would fail by chance.

mod cpu_time;
mod forecast;
mod statistics;
mod usage;

/// Runs a benchmark, and prints its table; false if there is none of this name, or it fails.
pub(crate) fn run(name: &str) -> bool {
    match name {
        "forecast" => forecast::run(),
        "usage" => usage::run(),
        _ => {
            eprintln!("  no benchmark is called {name}; there are `forecast` and `usage`");
            false
        }
    }
}
