//! `upshift completions`: prints the script with which a shell completes the command line.

use clap::{Args, Command};
use clap_complete::Shell;
use upshift_record::Exit;

use crate::terminal::print_stdout;
use crate::verb_error::VerbResult;

/// Print the completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift completions bash > /etc/bash_completion.d/upshift
  upshift completions zsh > ~/.zfunc/_upshift
  upshift completions fish > ~/.config/fish/completions/upshift.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

impl CompletionsArgs {
    pub(crate) fn run(self, mut upshift: Command) -> VerbResult {
        // Into memory first: `generate` panics if the write fails, as on a pipe that was closed.
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut upshift, "upshift", &mut text);
        print_stdout(&String::from_utf8_lossy(&text))?;
        Ok(Exit::Fine)
    }
}
