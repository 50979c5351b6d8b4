//! The files that `upshift lint` reads.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use upshift_notes::ignore::Ignores;
use upshift_notes::reader::{Format, Recording, guess_format, read};

use crate::terminal::print_stderr;
use crate::verb_error::VerbError;

/// The exchanges of one file.
pub(super) struct Input {
    /// The path, or `stdin`.
    pub(super) name: String,
    pub(super) recordings: Vec<Recording>,
}

/// Reads all files, or stdin if there are none.
pub(super) fn read_all(files: &[PathBuf], format: Option<Format>) -> Result<Vec<Input>, VerbError> {
    let stdin = [PathBuf::from("-")];
    let files = if files.is_empty() { &stdin } else { files };
    let mut inputs = Vec::new();
    for file in files {
        inputs.push(read_input(file, format)?);
    }
    Ok(inputs)
}

/// Reads a file of ignores.
pub(super) fn read_ignore_file(path: &Path) -> Result<Ignores, VerbError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return Err(unreadable(&path.to_string_lossy(), &error)),
    };
    let path = path.display();
    Ignores::parse(&text).map_err(|error| VerbError::usage(format_args!("{path}: {error}")))
}

fn read_input(path: &Path, format: Option<Format>) -> Result<Input, VerbError> {
    let is_stdin = path == Path::new("-");
    let name = if is_stdin { "stdin".to_owned() } else { path.to_string_lossy().into_owned() };
    let octets = if is_stdin { read_stdin() } else { std::fs::read(path) };
    let octets = octets.map_err(|error| unreadable(&name, &error))?;
    // An empty capture is no error of its format.
    if octets.trim_ascii().is_empty() {
        return Ok(Input { name, recordings: Vec::new() });
    }
    let format = match format {
        Some(format) => format,
        None => guess(&octets, &name)?,
    };
    match read(&octets, format) {
        Ok(recordings) => Ok(Input { name, recordings }),
        Err(error) => Err(VerbError::usage(format_args!("{name}: {error}"))),
    }
}

fn read_stdin() -> std::io::Result<Vec<u8>> {
    if std::io::stdin().is_terminal() {
        print_stderr("reading stdin: paste an exchange, and end it with Ctrl-D");
    }
    let mut octets = Vec::new();
    std::io::stdin().read_to_end(&mut octets)?;
    Ok(octets)
}

fn guess(octets: &[u8], name: &str) -> Result<Format, VerbError> {
    let Some(format) = guess_format(octets) else {
        return Err(VerbError::usage(format_args!(
            "{name}: this is neither HTTP as text nor the output of curl -v, HAR or JSON\n  \
             help: say what it is with --format text, curl, har or json"
        )));
    };
    print_stderr(format_args!("{name}: read as {}", format.description()));
    Ok(format)
}

fn unreadable(name: &str, error: &std::io::Error) -> VerbError {
    VerbError::usage(format_args!("cannot read {name}: {error}"))
}
