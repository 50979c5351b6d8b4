//! `cargo xtask bench NAME`: the cost of a part of Upshift beside that of programs for the same.
//!
//! The numbers of docs/performance.md come from here. CI does not run it, because its machines are
//! shared, and a limit would fail by chance.

mod cpu_time;
mod forecast;

/// Runs a benchmark, and prints its table; false if there is none of this name, or it fails.
pub(crate) fn run(name: &str) -> bool {
    match name {
        "forecast" => forecast::run(),
        _ => {
            eprintln!("  no benchmark is called {name}; there is `forecast`");
            false
        }
    }
}
