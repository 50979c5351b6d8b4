//! How a verb ends when it cannot do what it should.

use std::fmt::Display;
use std::io;

use upshift_record::Exit;

/// How a verb ends.
pub(crate) type VerbResult = Result<Exit, VerbError>;

/// Why a verb could not do what it should.
#[derive(Debug)]
pub(crate) enum VerbError {
    /// To be told to the person.
    Message(Exit, String),
    /// Printed already.
    Printed(Exit),
    /// Nobody reads our output any more, which is that reader's right.
    BrokenPipe,
}

impl VerbError {
    /// Wrong usage, or an invalid file.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::Message(Exit::Usage, message.to_string())
    }

    /// The environment failed.
    pub(crate) fn environment(message: impl Display) -> Self {
        Self::Message(Exit::Environment, message.to_string())
    }

    /// Tells it on stderr, if it is still to be told.
    pub(crate) fn print_and_exit(self) -> Exit {
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

/// Writing to stdout or stderr failed.
impl From<io::Error> for VerbError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::environment(format_args!("cannot write the output: {error}")),
        }
    }
}
