//! Reading and checking the policy file that the flags name.

use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;
use upshift_config::{AdminToken, Diagnostic, FileSettings, Loaded, load, require_regular_file};
use upshift_gateway::Settings;
use upshift_record::Exit;

use crate::startup::examine_file;
use crate::terminal::{Palette, counted, print_stderr, print_stderr_rendered};
use crate::verb_error::VerbError;

/// The flag that names the policy file.
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
    /// Reads the file and prints its errors and warnings on stderr.
    pub(crate) fn load_and_report(&self) -> Result<Loaded, VerbError> {
        let text = read_policy(&self.path)?;
        self.load_text(&text)
    }

    /// Reads the file and prints its errors on stderr, but no warnings: `check` is for those.
    pub(crate) fn load_quietly(&self) -> Result<Loaded, VerbError> {
        let text = read_policy(&self.path)?;
        load(&text, &self.path.to_string_lossy())
            .map_err(|errors| self.print_errors(&errors, Exit::Usage))
    }

    /// Parses `text` as that of the file and prints its errors and warnings on stderr.
    pub(crate) fn parse_text(&self, text: String) -> Result<ParsedFile<'_>, VerbError> {
        let loaded = self.load_text(&text)?;
        Ok(ParsedFile { flag: self, text, loaded })
    }

    fn load_text(&self, text: &str) -> Result<Loaded, VerbError> {
        match load(text, &self.path.to_string_lossy()) {
            Ok(loaded) => {
                print_diagnostics(&loaded.warnings);
                Ok(loaded)
            }
            Err(errors) => Err(self.print_errors(&errors, Exit::Usage)),
        }
    }

    /// Prints errors and how many there are, and returns the error that ends the verb.
    fn print_errors(&self, errors: &[Diagnostic], exit: Exit) -> VerbError {
        print_diagnostics(errors);
        print_stderr(count_findings(errors.len(), 0, &self.path));
        VerbError::Printed(exit)
    }

    /// Checks that a gateway can read the file again at a reload: a pipe can be read once only, and
    /// may block for ever.
    pub(crate) fn must_be_regular(&self) -> Result<(), VerbError> {
        match require_regular_file(&self.path) {
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                let path = self.path.display();
                let help = "a gateway reads its policy again at each reload: name a regular file";
                Err(VerbError::usage(format_args!(
                    "cannot serve the policy file {path}: {error}\n  help: {help}"
                )))
            }
            // Any other problem is reported when the file is read.
            _ => Ok(()),
        }
    }
}

/// A valid policy file. The files that it names are not loaded yet.
pub(crate) struct ParsedFile<'f> {
    flag: &'f PolicyFile,
    text: String,
    loaded: Loaded,
}

impl ParsedFile<'_> {
    /// The files that a gateway loads because this file names them.
    pub(crate) fn named_files(&self) -> Vec<PathBuf> {
        let FileSettings { gateway, upstreams, .. } = &self.loaded.file;
        let mut files = Vec::new();
        if let Some(tls) = &gateway.tls {
            files.extend([tls.certificate.clone(), tls.key.clone()]);
        }
        if let Some(AdminToken::File(path)) = &gateway.admin_token {
            files.push(path.clone());
        }
        for upstream in upstreams {
            files.extend(upstream.ca.clone());
        }
        files
    }

    /// The usual place of the store, beside the file; `None` if the file names the store itself.
    pub(crate) fn usual_store(&self) -> Option<&Path> {
        let gateway = &self.loaded.file.gateway;
        if gateway.store_is_usual { gateway.store.as_deref() } else { None }
    }

    /// Moves the store to another place.
    pub(crate) fn set_store(&mut self, store: PathBuf) {
        self.loaded.file.gateway.store = Some(store);
    }

    /// Loads every file that this one names, and prints problems with them on stderr.
    pub(crate) fn into_settings(self) -> Result<Settings, VerbError> {
        let name = self.flag.path.to_string_lossy();
        let examined = examine_file(self.loaded.file, &self.text, &name);
        print_diagnostics(&examined.warnings);
        if !examined.errors.is_empty() {
            return Err(self.flag.print_errors(&examined.errors, examined.exit));
        }
        Ok(examined.settings)
    }
}

/// Reads the text of a policy file; `-` is stdin. If there is no such file, the error says how to
/// get one.
pub(crate) fn read_policy(path: &Path) -> Result<String, VerbError> {
    match read_utf8(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // Not every verb has --config: `check` takes the name as an argument.
            let hint = "\n  help: `upshift init` writes one, and `upshift demo` needs none; or give \
                        the name of another file";
            Err(unreadable_file(path, &error, hint))
        }
        Err(error) => Err(unreadable_file(path, &error, "")),
    }
}

/// Reads the text of a policy file at a reload, where a hint on how to get one would be noise.
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
    let error = match String::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    // `std` says at which byte the text breaks off. An editor shows lines.
    let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let line = valid.split(|byte| *byte == b'\n').count();
    let help = "save it as UTF-8 (iconv -f latin1 -t utf-8, or -f utf-16)";
    Err(io::Error::new(ErrorKind::InvalidData, format!("line {line} is not UTF-8\n  help: {help}")))
}

/// Prints diagnostics on stderr.
pub(crate) fn print_diagnostics(diagnostics: &[Diagnostic]) {
    let colour = Palette::of_stderr().is_on();
    for diagnostic in diagnostics {
        print_stderr_rendered(diagnostic.render(colour));
    }
}

/// `upshift.toml: 3 errors, 1 warning`.
pub(crate) fn count_findings(errors: usize, warnings: usize, path: &Path) -> String {
    let mut counts = Vec::new();
    for (number, word) in [(errors, "error"), (warnings, "warning")] {
        if number > 0 {
            counts.push(counted(number as u64, word));
        }
    }
    format!("{}: {}", path.display(), counts.join(", "))
}
