//! `upshift man`: the manual pages.

use std::path::PathBuf;

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man as Page;
use upshift_record::Exit;

use crate::failure::{Failure, Outcome};
use crate::terminal::{print, say};

/// Print a manual page, or write them all into a folder
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift man explain | man -l -
  upshift man --into /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// The verb; left out, the page of upshift itself
    verb: Option<String>,
    /// Write every page into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "verb")]
    into: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self) -> Outcome {
        let mut command = crate::Cli::command().disable_help_subcommand(true);
        command.build();
        if let Some(folder) = self.into {
            std::fs::create_dir_all(&folder)
                .and_then(|()| clap_mangen::generate_to(command, &folder))
                .map_err(|error| {
                    Failure::environment(format_args!("{}: {error}", folder.display()))
                })?;
            say(format_args!("the pages are in {}", folder.display()));
            return Ok(Exit::Fine);
        }
        let page = match &self.verb {
            None => command,
            Some(verb) => command
                .find_subcommand(verb)
                .cloned()
                .ok_or_else(|| Failure::usage(format_args!("there is no verb `{verb}`")))?,
        };
        print(&render(page)?)?;
        Ok(Exit::Fine)
    }
}

fn render(command: Command) -> Result<String, Failure> {
    let mut text = Vec::new();
    Page::new(command).render(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
