//! Finding, reading and judging the policy file.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use upshift_config::{Diagnostic, Loaded, load};
use upshift_gateway::Settings;
use upshift_record::Exit;

use crate::failure::Failure;
use crate::startup::examine;
use crate::terminal::{Palette, say, say_painted_already};

/// Which file.
#[derive(Clone, Debug, Args)]
pub(crate) struct PolicyFile {
    /// The policy file
    #[arg(long = "config", short = 'c', value_name = "FILE", default_value = "upshift.toml", env = "UPSHIFT_CONFIG")]
    pub(crate) path: PathBuf,
}

impl PolicyFile {
    /// Reads the file; tells its errors and warnings on stderr.
    pub(crate) fn load(&self) -> Result<Loaded, Failure> {
        let text = read(&self.path)?;
        self.load_text(&text)
    }

    /// Reads the file and loads everything that it names; tells what is wrong with either on stderr.
    pub(crate) fn load_settings(&self) -> Result<Settings, Failure> {
        let text = read(&self.path)?;
        let loaded = self.load_text(&text)?;
        let examined = examine(loaded.file, &text, &self.path.to_string_lossy());
        tell(&examined.warnings);
        self.refuse(&examined.errors)?;
        Ok(examined.settings)
    }

    fn load_text(&self, text: &str) -> Result<Loaded, Failure> {
        match load(text, &self.path.to_string_lossy()) {
            Ok(loaded) => {
                tell(&loaded.warnings);
                Ok(loaded)
            }
            Err(errors) => Err(self.refuse(&errors).err().unwrap_or(Failure::Told(Exit::Usage))),
        }
    }

    /// Tells the errors.
    ///
    /// # Errors
    /// If there are any.
    fn refuse(&self, errors: &[Diagnostic]) -> Result<(), Failure> {
        if errors.is_empty() {
            return Ok(());
        }
        tell(errors);
        say(summary(errors.len(), 0, &self.path));
        Err(Failure::Told(Exit::Usage))
    }
}

/// The text of a file; `-` is stdin.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => {
                "\n  help: `upshift init` writes a first one, and `upshift demo` needs none; --config names another"
            }
            _ => "",
        };
        Failure::usage(format_args!("cannot read the policy file {}: {error}{hint}", path.display()))
    })
}

/// Shows diagnostics on stderr, one after the other.
pub(crate) fn tell(diagnostics: &[Diagnostic]) {
    let colour = Palette::of_stderr().is_on();
    for diagnostic in diagnostics {
        say_painted_already(diagnostic.render(colour));
    }
}

/// `upshift.toml: 3 errors, 1 warning`.
pub(crate) fn summary(errors: usize, warnings: usize, path: &Path) -> String {
    let count = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        number => Some(format!("{number} {word}s")),
    };
    let counts: Vec<String> = count(errors, "error").into_iter().chain(count(warnings, "warning")).collect();
    format!("{}: {}", path.display(), counts.join(", "))
}
