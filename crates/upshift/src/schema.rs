//! `upshift schema`: prints the JSON Schema of the policy file, or of suites.

use clap::Args;
use upshift_record::Exit;

use crate::terminal::print_stdout;
use crate::verb_error::VerbResult;

/// Print the JSON Schema of the policy file, or of suites
///
/// Editors use it to complete and check TOML: put `#:schema ./upshift.schema.json` on the first
/// line of the policy file, or `#:schema ./upshift-suite.schema.json` on that of a suite.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift schema > upshift.schema.json
  upshift schema --suite > upshift-suite.schema.json")]
pub(crate) struct SchemaArgs {
    /// Print the schema of the suites of `upshift test`
    #[arg(long)]
    suite: bool,
}

impl SchemaArgs {
    pub(crate) fn run(self) -> VerbResult {
        let schema = if self.suite {
            upshift_lab::suite::suite_schema()
        } else {
            upshift_config::json_schema()
        };
        print_stdout(&schema)?;
        Ok(Exit::Fine)
    }
}
