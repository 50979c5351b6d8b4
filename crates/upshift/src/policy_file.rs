//! Finding, reading and judging the policy file.

use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;
use upshift_config::{AdminToken, Diagnostic, FileSettings, Loaded, check_regular, load};
use upshift_gateway::Settings;
use upshift_record::Exit;

use crate::startup::examine_file;
use crate::terminal::{Palette, print_stderr, print_stderr_rendered};
use crate::verb_error::VerbError;

/// Which file.
#[derive(Clone, Debug, Args)]
pub(crate) struct PolicyFile {
    /// The policy file
    #[arg(
        long = "config",
        short = 'c',
        value_name = "FILE",
        default_value = "upshift.toml",
        env = "UPSHIFT_CONFIG"
    )]
    pub(crate) path: PathBuf,
}

impl PolicyFile {
    /// Reads the file; tells its errors and warnings on stderr.
    pub(crate) fn load_and_report(&self) -> Result<Loaded, VerbError> {
        let text = read_policy(&self.path)?;
        self.load_text(&text)
    }

    /// Takes `text` for that of the file; tells its errors and warnings on stderr.
    pub(crate) fn parse_text(&self, text: String) -> Result<ParsedFile<'_>, VerbError> {
        let loaded = self.load_text(&text)?;
        Ok(ParsedFile { of: self, text, loaded })
    }

    fn load_text(&self, text: &str) -> Result<Loaded, VerbError> {
        match load(text, &self.path.to_string_lossy()) {
            Ok(loaded) => {
                print_diagnostics(&loaded.warnings);
                Ok(loaded)
            }
            Err(errors) => Err(self
                .fail_on_errors(&errors, Exit::Usage)
                .err()
                .unwrap_or(VerbError::Printed(Exit::Usage))),
        }
    }

    /// Tells the errors.
    ///
    /// # Errors
    /// If there are any.
    fn fail_on_errors(&self, errors: &[Diagnostic], exit: Exit) -> Result<(), VerbError> {
        if errors.is_empty() {
            return Ok(());
        }
        print_diagnostics(errors);
        print_stderr(count_findings(errors.len(), 0, &self.path));
        Err(VerbError::Printed(exit))
    }

    /// Sees that a gateway can read the file again: what comes through a pipe comes once, and may
    /// never come.
    pub(crate) fn must_be_regular(&self) -> Result<(), VerbError> {
        match check_regular(&self.path) {
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                let path = self.path.display();
                let help = "a gateway reads its policy again at each reload: name a regular file";
                Err(VerbError::usage(format_args!(
                    "cannot serve the policy file {path}: {error}\n  help: {help}"
                )))
            }
            // What else is wrong shows when it is read.
            _ => Ok(()),
        }
    }
}

/// A valid policy file. What it names is not loaded yet.
pub(crate) struct ParsedFile<'f> {
    of: &'f PolicyFile,
    text: String,
    loaded: Loaded,
}

impl ParsedFile<'_> {
    /// The files that a gateway loads because this one names them.
    pub(crate) fn named_files(&self) -> Vec<PathBuf> {
        let FileSettings { gateway, upstreams, .. } = &self.loaded.file;
        let mut named = Vec::new();
        if let Some(tls) = &gateway.tls {
            named.extend([tls.certificate.clone(), tls.key.clone()]);
        }
        if let Some(AdminToken::File(path)) = &gateway.admin_token {
            named.push(path.clone());
        }
        named.extend(upstreams.iter().filter_map(|upstream| upstream.ca.clone()));
        named
    }

    /// Where the store is to be, if the file leaves that open: beside it, unless that is not
    /// possible.
    pub(crate) fn usual_store(&self) -> Option<&Path> {
        let gateway = &self.loaded.file.gateway;
        gateway.store.as_deref().filter(|_| gateway.store_is_usual)
    }

    /// Puts the store elsewhere.
    pub(crate) fn set_store(&mut self, store: PathBuf) {
        self.loaded.file.gateway.store = Some(store);
    }

    /// Loads everything that the file names; tells what is wrong with it on stderr.
    pub(crate) fn into_settings(self) -> Result<Settings, VerbError> {
        let examined = examine_file(self.loaded.file, &self.text, &self.of.path.to_string_lossy());
        print_diagnostics(&examined.warnings);
        self.of.fail_on_errors(&examined.errors, examined.exit)?;
        Ok(examined.settings)
    }
}

/// The text of a file; `-` is stdin. For verbs that begin with it: where there is none, the error
/// says how to get one.
pub(crate) fn read_policy(path: &Path) -> Result<String, VerbError> {
    let hint = "\n  help: `upshift init` writes a first one, and `upshift demo` needs none; --config names another";
    read_utf8(path).map_err(|error| {
        unreadable_file(path, &error, if error.kind() == ErrorKind::NotFound { hint } else { "" })
    })
}

/// The text of a file that was there before.
pub(crate) fn reread_policy(path: &Path) -> Result<String, VerbError> {
    read_utf8(path).map_err(|error| unreadable_file(path, &error, ""))
}

fn unreadable_file(path: &Path, error: &io::Error, hint: &str) -> VerbError {
    VerbError::usage(format_args!("cannot read the policy file {}: {error}{hint}", path.display()))
}

fn read_utf8(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().read_to_end(&mut bytes)?;
    } else {
        bytes = std::fs::read(path)?;
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let help = "save it as UTF-8 (iconv -f latin1 -t utf-8, or -f utf-16)";
        io::Error::new(ErrorKind::InvalidData, format!("line {line} is not UTF-8\n  help: {help}"))
    })
}

/// Shows diagnostics on stderr, one after the other.
pub(crate) fn print_diagnostics(diagnostics: &[Diagnostic]) {
    let colour = Palette::of_stderr().is_on();
    for diagnostic in diagnostics {
        print_stderr_rendered(diagnostic.render(colour));
    }
}

/// `upshift.toml: 3 errors, 1 warning`.
pub(crate) fn count_findings(errors: usize, warnings: usize, path: &Path) -> String {
    let count = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        number => Some(format!("{number} {word}s")),
    };
    let counts: Vec<String> =
        count(errors, "error").into_iter().chain(count(warnings, "warning")).collect();
    format!("{}: {}", path.display(), counts.join(", "))
}
