//! The flags of `upshift init --suite`.

use std::path::PathBuf;

use clap::Args;
use upshift_lab::probe::Target;

/// The source of a first suite.
#[derive(Debug, Args)]
pub(in crate::init) struct SuiteFlags {
    /// Write a first suite for `upshift test` instead of a policy file [default file: stdout]
    #[arg(long, conflicts_with = "Answers")]
    pub(in crate::init) suite: bool,
    /// A policy file: cases for each rule, with what it answers over each lane in its phase of today
    #[arg(long, value_name = "FILE", requires = "suite", group = "source")]
    pub(super) from_policy: Option<PathBuf>,
    /// An OpenAPI 3 document: a case for each operation with a 426 response or a deprecation
    #[arg(long, value_name = "FILE", requires = "suite", group = "source")]
    pub(super) from_openapi: Option<PathBuf>,
    /// A HAR file: a case for each method, URL and status
    #[arg(long, value_name = "FILE", requires = "suite", group = "source")]
    pub(super) from_har: Option<PathBuf>,
    /// A Hurl file: a case for each entry that expects a response
    #[arg(long, value_name = "FILE", requires = "suite", group = "source")]
    pub(super) from_hurl: Option<PathBuf>,
    /// The URL of the server, which the suite takes if its variable is not set
    #[arg(long, value_name = "URL", requires = "suite", value_parser = parse_target)]
    pub(super) target: Option<Target>,
}

fn parse_target(url: &str) -> Result<Target, String> {
    if url.contains(['?', '#']) {
        return Err(
            "the paths of the cases follow this URL: leave out its query and fragment".to_owned()
        );
    }
    Target::parse(url).map_err(|error| error.to_string())
}
