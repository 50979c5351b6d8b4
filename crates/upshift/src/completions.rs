//! `upshift completions`: what a shell needs to complete the command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use upshift_record::Exit;

use crate::failure::Outcome;
use crate::terminal::print;

/// Print the completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift completions bash > /etc/bash_completion.d/upshift
  upshift completions zsh > ~/.zfunc/_upshift
  upshift completions fish > ~/.config/fish/completions/upshift.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Outcome {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut crate::Cli::command(), "upshift", &mut text);
        print(&String::from_utf8_lossy(&text))?;
        Ok(Exit::Fine)
    }
}
