//! Output: data on stdout, messages on stderr, colour on terminals only and never as the only sign.
//!
//! Text may come from a server, a gateway or another person's file, so control characters in it
//! become escapes before it is printed: here for a line on stderr and for text in a colour, and by
//! [`visible_record`] for the records that a caller renders.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use upshift_config::{is_visible, make_visible};
pub(crate) use upshift_record::number_text::{counted, format_percent, grouped};

/// Writes a value as indented JSON to stdout.
pub(crate) fn print_json(value: &impl Serialize) -> io::Result<()> {
    print_stdout(&json_text(value)?)
}

/// A value as indented JSON, in which every character is visible.
pub(crate) fn json_text(value: &impl Serialize) -> io::Result<String> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    Ok(visible_json(&text) + "\n")
}

/// A value as JSON in one line, in which every character is visible.
pub(crate) fn json_line(value: &impl Serialize) -> io::Result<String> {
    let text = serde_json::to_string(value).map_err(io::Error::from)?;
    Ok(visible_json(&text) + "\n")
}

/// The same JSON with a `\u` escape for every character that is not visible.
fn visible_json(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for character in text.chars() {
        // RFC 8259 §7: a string has no bare newline, so each one here is between two lines.
        if is_visible(character) || character == '\n' {
            visible.push(character);
        } else {
            // JSON has no other escape: a character above U+FFFF is two units (RFC 8259 §7).
            for unit in character.encode_utf16(&mut [0; 2]) {
                visible.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    visible
}

/// Returns the record with all its texts made visible.
pub(crate) fn visible_record<T: Serialize + DeserializeOwned>(record: &T) -> io::Result<T> {
    let mut value = serde_json::to_value(record).map_err(io::Error::from)?;
    make_value_visible(&mut value);
    serde_json::from_value(value).map_err(io::Error::from)
}

fn make_value_visible(value: &mut Value) {
    match value {
        Value::String(text) => *text = make_visible(text).into_owned(),
        Value::Array(members) => members.iter_mut().for_each(make_value_visible),
        Value::Object(members) => members.values_mut().for_each(make_value_visible),
        // Numbers cannot carry escapes, and keys are names of our own fields.
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Writes text to stdout, as it is; in GitHub Actions, without workflow commands of others.
pub(crate) fn print_stdout(text: &str) -> io::Result<()> {
    let text = if runs_in_actions() { disarm_commands(text) } else { Cow::Borrowed(text) };
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    // A buffered line that fails at exit would be lost without an error.
    stdout.flush()
}

/// Prints one line on stderr, with control characters as escapes.
pub(crate) fn print_stderr(line: impl Display) {
    print_stderr_rendered(make_visible(&line.to_string()));
}

/// Prints one line on stderr in a colour, with control characters as escapes.
pub(crate) fn print_stderr_in(palette: Palette, hue: Hue, line: impl Display) {
    print_stderr_rendered(palette.paint(hue, line));
}

/// Prints a text of several lines on stderr. Foreign parts have to be made visible before they go
/// into it, or they could add lines of their own.
pub(crate) fn print_stderr_lines(text: impl Display) {
    text.to_string().split('\n').for_each(print_stderr);
}

/// Prints a text on stderr as it is: it was made visible and coloured before.
pub(crate) fn print_stderr_rendered(text: impl Display) {
    let mut text = text.to_string();
    if runs_in_actions() {
        text = disarm_commands(&text).into_owned();
    }
    // A closed stderr must not stop a gateway.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Returns true in a job of GitHub Actions.
pub(crate) fn runs_in_actions() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Breaks up `##[command]`, which GitHub Actions obeys anywhere in a line, and which a server may
/// send. The escape stands for the same character in JSON. Our own commands begin with `::`.
fn disarm_commands(text: &str) -> Cow<'_, str> {
    if text.contains("##[") { text.replace("##[", "#\\u0023[").into() } else { text.into() }
}

/// The choice of coloured output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette {
    on: bool,
}

/// A colour by its meaning.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hue {
    /// Admitted, or without effect.
    Good,
    /// Admitted for now.
    Warning,
    /// Refused or failed.
    Bad,
    /// Of no importance.
    Faint,
    /// Emphasized.
    Bold,
}

/// A text in a colour, made visible.
pub(crate) struct Painted<T> {
    text: T,
    before: &'static str,
}

impl Palette {
    /// The palette of stdout.
    pub(crate) fn of_stdout() -> Self {
        Self { on: wants_colour(io::stdout().is_terminal()) }
    }

    /// A palette without colour.
    pub(crate) fn colourless() -> Self {
        Self { on: false }
    }

    /// The palette of stderr.
    pub(crate) fn of_stderr() -> Self {
        Self { on: wants_colour(io::stderr().is_terminal()) }
    }

    /// Returns true if there is colour at all.
    pub(crate) fn is_on(self) -> bool {
        self.on
    }

    /// Returns `text` in a colour. Pad it before: the escapes would count as width.
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
        f.write_str(&make_visible(&self.text.to_string()))?;
        if self.before.is_empty() { Ok(()) } else { f.write_str("\x1b[0m") }
    }
}

/// <https://no-color.org>: a `NO_COLOR` that is not empty turns colour off.
fn wants_colour(is_terminal: bool) -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    is_terminal && !dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// An RFC 3339 time in UTC, to the minute.
pub(crate) fn minute_text(time: &str) -> String {
    match time.get(..16) {
        Some(minute) => format!("{}Z", minute.replace('T', " ")),
        None => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use upshift_record::PlanEntry;

    use super::*;

    const HOSTILE: &str = "\u{1b}]0;owned\u{7}\r\nfake\u{202e}\u{9b}31m\u{e0041}";

    #[test]
    fn json_means_the_same_and_shows_every_character() {
        let text = serde_json::to_string_pretty(&[HOSTILE]).unwrap();
        let visible = visible_json(&text);
        assert!(
            visible.chars().all(|character| character == '\n' || is_visible(character)),
            "{visible}"
        );
        let read: Vec<String> = serde_json::from_str(&visible).unwrap();
        assert_eq!(read, [HOSTILE]);
    }

    #[test]
    fn commands_of_others_are_broken_up() {
        let text = "stdout: ##[stop-commands]x ##[error]y";
        assert_eq!(disarm_commands(text), r"stdout: #\u0023[stop-commands]x #\u0023[error]y");
        let json = disarm_commands(r#"["a##[group]"]"#);
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), ["a##[group]"]);
        assert_eq!(disarm_commands("# a ## b [c]"), "# a ## b [c]");
    }

    #[test]
    fn every_text_of_a_record_is_made_visible() {
        let entry: PlanEntry = serde_json::from_value(serde_json::json!({
            "rule": HOSTILE, "phase": HOSTILE, "from": null, "to": null, "share": 0.5,
            "reason": HOSTILE, "notes": [HOSTILE],
        }))
        .unwrap();
        let shown = visible_record(&entry).unwrap();
        assert_eq!(shown.share, 0.5);
        for text in [&shown.rule, &shown.phase, &shown.notes[0], shown.reason.as_ref().unwrap()] {
            assert_eq!(text, "\\u{1b}]0;owned\\u{7}\\r\\nfake\\u{202e}\\u{9b}31m\\u{e0041}");
        }
    }

    #[test]
    fn colour_is_around_a_text_and_never_in_it() {
        let palette = Palette { on: true };
        assert_eq!(
            palette.paint(Hue::Bad, "a\u{1b}[0mb").to_string(),
            "\u{1b}[31ma\\u{1b}[0mb\u{1b}[0m"
        );
    }
}
