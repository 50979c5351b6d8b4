//! `cargo xtask bench NAME`: the cost of a part of Upshift beside that of programs for the same.
//!
//! The numbers of docs/performance.md come from here. CI does not run it, because its machines are
//! shared, and a limit would fail by chance.

mod cpu_time;
mod forecast;
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

/// The median of numbers in order.
fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
