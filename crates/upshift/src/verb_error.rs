//! The ways in which a verb ends: an exit code, or an error that stops it.

use std::fmt::Display;
use std::io;

use upshift_record::Exit;

/// The result of a verb.
pub(crate) type VerbResult = Result<Exit, VerbError>;

/// The reason why a verb stopped.
#[derive(Debug)]
pub(crate) enum VerbError {
    /// A message that is still to be printed.
    Message(Exit, String),
    /// Printed already.
    Printed(Exit),
    /// The reader of our output has closed it, as `head` does. That is no error.
    BrokenPipe,
}

impl VerbError {
    /// Wrong usage, or an invalid file.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::Message(Exit::Usage, message.to_string())
    }

    /// A failure of the environment: files, network, other processes.
    pub(crate) fn environment(message: impl Display) -> Self {
        Self::Message(Exit::Environment, message.to_string())
    }

    /// Prints the message on stderr, unless that was done, and returns the exit code.
    pub(crate) fn print_and_return_exit(self) -> Exit {
        match self {
            Self::Message(exit, message) => {
                crate::terminal::print_stderr_lines(format_args!("error: {message}"));
                exit
            }
            Self::Printed(exit) => exit,
            Self::BrokenPipe => Exit::Fine,
        }
    }
}

/// A write to stdout or stderr that failed.
impl From<io::Error> for VerbError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::environment(format_args!("cannot write the output: {error}")),
        }
    }
}
