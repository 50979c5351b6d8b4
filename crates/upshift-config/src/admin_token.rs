//! `admin-token`: the token itself, or the place that it is read from.

use std::env::{self, VarError};
use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

use crate::regular::read_regular_file;
use crate::toml_value::TomlValue;

/// The token that the admin API requires.
#[derive(Clone, PartialEq, Eq)]
pub enum AdminToken {
    /// The token.
    Text(String),
    /// `env:NAME`: the value of an environment variable.
    Environment(String),
    /// `file:PATH`: the first line of a file, relative to the policy file.
    File(PathBuf),
}

impl AdminToken {
    /// The least number of characters of a token.
    const MIN_LENGTH: usize = 16;

    /// Reads the token from its place.
    ///
    /// # Errors
    /// If the variable or file does not exist, is empty, or holds a token that is too short.
    pub fn read_token(&self) -> Result<String> {
        let (place, text) = match self {
            // Its length was checked when the file was read.
            Self::Text(text) => return Ok(text.clone()),
            Self::Environment(name) => (format!("the variable {name}"), read_variable(name)),
            Self::File(path) => (format!("the file {}", path.display()), read_file(path)),
        };
        let text = match text {
            Ok(text) => text,
            Err(error) => {
                return Err(Error::new(error.kind(), format!("{place} has no token: {error}")));
            }
        };
        // Editors and `echo` end a file with a newline, which is no part of the token.
        let token = text.lines().next().unwrap_or_default().trim();
        let length = token.chars().count();
        // The message has no part of the token: it goes to logs.
        let message = match length {
            0 => format!("{place} has no token: it is empty"),
            Self::MIN_LENGTH.. => return Ok(token.to_owned()),
            _ => format!(
                "the token in {place} is too short to be safe: it has {length} characters and \
                 needs {}",
                Self::MIN_LENGTH
            ),
        };
        Err(Error::new(ErrorKind::InvalidData, message))
    }

    /// Reads `admin-token`; a relative path starts at `folder`.
    pub(crate) fn from_toml(value: &TomlValue<'_>, folder: &Path) -> Option<Self> {
        let text = value.read_text()?;
        // Otherwise `file:` would be the folder of the policy file, and only fail at the start.
        if matches!(text, "env:" | "file:") {
            value.report_error("`admin-token` names no place", "expected env:NAME or file:PATH");
            return None;
        }
        if let Some(name) = text.strip_prefix("env:") {
            return Some(Self::Environment(name.to_owned()));
        }
        if let Some(path) = text.strip_prefix("file:") {
            return Some(Self::File(folder.join(path)));
        }
        if text.chars().count() < Self::MIN_LENGTH {
            let error = value.error_here("the token is too short to be safe");
            value.report(error.with_label("expected at least 16 characters").with_help(
                "better still, keep it out of this file: \
                     admin-token = \"env:UPSHIFT_TOKEN\" or \"file:token.txt\"",
            ));
            return None;
        }
        Some(Self::Text(text.to_owned()))
    }
}

fn read_variable(name: &str) -> Result<String> {
    match env::var(name) {
        Ok(text) => Ok(text),
        Err(VarError::NotPresent) => Err(Error::new(ErrorKind::NotFound, "it is not set")),
        Err(VarError::NotUnicode(_)) => Err(Error::new(ErrorKind::InvalidData, "it is not UTF-8")),
    }
}

fn read_file(path: &Path) -> Result<String> {
    match String::from_utf8(read_regular_file(path)?) {
        Ok(text) => Ok(text),
        Err(_) => Err(Error::new(ErrorKind::InvalidData, "it is not UTF-8")),
    }
}

/// Leaves the token itself out.
impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(…)"),
            Self::Environment(name) => write!(f, "Environment({name})"),
            Self::File(path) => write!(f, "File({})", path.display()),
        }
    }
}
