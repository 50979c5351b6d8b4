//! `upshift schema`: prints the JSON Schema of the policy file.

use clap::Args;
use upshift_record::Exit;

use crate::terminal::print_stdout;
use crate::verb_error::VerbResult;

/// Print the JSON Schema of the policy file
///
/// Editors use it to complete and check TOML: put `#:schema ./upshift.schema.json` on the first
/// line of the policy file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  upshift schema > upshift.schema.json")]
pub(crate) struct SchemaArgs {}

impl SchemaArgs {
    pub(crate) fn run(self) -> VerbResult {
        print_stdout(&upshift_config::json_schema())?;
        Ok(Exit::Fine)
    }
}
