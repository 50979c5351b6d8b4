//! `upshift man`: prints a manual page or writes all of them.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man as Page;
use upshift_record::Exit;

use crate::terminal::{print_stderr, print_stdout};
use crate::verb_error::{VerbError, VerbResult};

/// Print a manual page, or write all pages into a folder
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift man explain | man -l -
  upshift man --into /usr/local/share/man/man1")]
pub(crate) struct ManArgs {
    /// The verb; without it, the page of upshift itself
    verb: Option<String>,
    /// Write every page into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "verb")]
    into: Option<PathBuf>,
}

impl ManArgs {
    pub(crate) fn run(self, upshift: Command) -> VerbResult {
        // As `clap_mangen::generate_to` does itself: otherwise there is a page of `upshift help`
        // and one of each verb below it.
        let mut command = upshift.disable_help_subcommand(true);
        // Sets the full names, such as `upshift explain`: a verb that is taken out of the command
        // no longer knows its parent.
        command.build();
        if let Some(folder) = self.into {
            if let Err(error) = write_pages(command, &folder) {
                let folder = folder.display();
                return Err(VerbError::environment(format_args!("{folder}: {error}")));
            }
            print_stderr(format_args!("wrote the pages into {}", folder.display()));
            return Ok(Exit::Fine);
        }
        let page = match &self.verb {
            None => command,
            Some(verb) => match command.find_subcommand(verb) {
                Some(found) => found.clone(),
                None => return Err(VerbError::usage(format_args!("there is no verb `{verb}`"))),
            },
        };
        print_stdout(&render_page(page)?)?;
        Ok(Exit::Fine)
    }
}

fn write_pages(command: Command, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command, folder)
}

fn render_page(command: Command) -> Result<String, VerbError> {
    let mut text = Vec::new();
    Page::new(command).render(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
