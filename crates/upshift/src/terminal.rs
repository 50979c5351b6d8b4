//! What is shown: data on stdout, talk on stderr, colour on terminals only and never as the only sign.

use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// Writes a value as indented JSON to stdout.
pub(crate) fn print_json(value: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    text.push('\n');
    print(&text)
}

/// Writes text to stdout, as it is.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Says a line on stderr. That nobody listens is no reason to stop.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette {
    on: bool,
}

/// A colour that has a meaning.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hue {
    /// It passes.
    Good,
    /// It will fail one day.
    Warning,
    /// It is refused.
    Bad,
    /// It is beside the point.
    Faint,
    /// It stands out.
    Bold,
}

/// A text in a colour. It is padded before it is coloured.
pub(crate) struct Painted<T> {
    text: T,
    before: &'static str,
}

impl Palette {
    /// For stdout.
    pub(crate) fn of_stdout() -> Self {
        Self { on: wants_colour(io::stdout().is_terminal()) }
    }

    /// Without colour.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self { on: false }
    }

    /// For stderr.
    pub(crate) fn of_stderr() -> Self {
        Self { on: wants_colour(io::stderr().is_terminal()) }
    }

    /// Whether there is colour at all.
    pub(crate) fn is_on(self) -> bool {
        self.on
    }

    /// `text` in a colour.
    pub(crate) fn paint<T: Display>(self, hue: Hue, text: T) -> Painted<T> {
        let before = match (self.on, hue) {
            (false, _) => "",
            (true, Hue::Good) => "\x1b[32m",
            (true, Hue::Warning) => "\x1b[33m",
            (true, Hue::Bad) => "\x1b[31m",
            (true, Hue::Faint) => "\x1b[2m",
            (true, Hue::Bold) => "\x1b[1m",
        };
        Painted { text, before }
    }
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.before)?;
        self.text.fmt(f)?;
        if self.before.is_empty() { Ok(()) } else { f.write_str("\x1b[0m") }
    }
}

/// <https://no-color.org>: a `NO_COLOR` that is not empty turns colour off.
fn wants_colour(is_terminal: bool) -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    is_terminal && !dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
