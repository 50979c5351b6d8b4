//! `upshift schema`: the JSON Schema of the policy file.

use clap::Args;
use upshift_record::Exit;

use crate::failure::Outcome;
use crate::terminal::print;

/// Print the JSON Schema of the policy file
///
/// Editors complete and check TOML by it: put `#:schema ./upshift.schema.json` on the first line of
/// the policy file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  upshift schema > upshift.schema.json")]
pub(crate) struct Schema {}

impl Schema {
    pub(crate) fn run(self) -> Outcome {
        print(&upshift_config::schema())?;
        Ok(Exit::Fine)
    }
}
