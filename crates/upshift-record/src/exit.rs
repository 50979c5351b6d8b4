//! The exit codes of the program.

use std::process::ExitCode;

/// The exit codes of `upshift`. They are API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Success.
    Fine = 0,
    /// The examined thing fell short: a diagnostic of level error, a failed case, a final 426, a
    /// refused request.
    FellShort = 1,
    /// Wrong usage, or an invalid file.
    Usage = 2,
    /// The environment failed: an address cannot be bound, a host cannot be reached.
    Environment = 3,
    /// Nothing was run.
    NothingRun = 4,
}

impl Exit {
    /// The exit code as a number.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
