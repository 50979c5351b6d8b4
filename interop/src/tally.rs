//! What the tests of attacks tried, and what came of it: a line each for `cargo xtask torture`.

use std::fs::OpenOptions;
use std::io::Write;
use std::thread;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Requests, well formed or not, that were sent.
    Inputs,
    /// Those that passed and must not.
    Bypasses,
    /// Requests of a client that behaves, without the answer that they should have.
    Lost,
    /// Connections that an attack held open.
    Held,
    /// Those of them that were open when the limits had passed.
    Left,
}

impl Count {
    fn name(self) -> &'static str {
        match self {
            Self::Inputs => "inputs",
            Self::Bypasses => "bypasses",
            Self::Lost => "lost",
            Self::Held => "held",
            Self::Left => "left",
        }
    }
}

/// Adds to a count of the test that runs, in the file that `UPSHIFT_TALLY` names; nothing if it
/// names none.
pub fn tally(count: Count, number: usize) {
    let Some(file) = std::env::var_os("UPSHIFT_TALLY") else { return };
    let line =
        format!("{} {} {number}\n", thread::current().name().unwrap_or("helper"), count.name());
    let appended = OpenOptions::new().create(true).append(true).open(file).and_then(|mut file| {
        // One write: tests run at the same time.
        file.write_all(line.as_bytes())
    });
    appended.unwrap_or_else(|error| panic!("the tally: {error}"));
}
