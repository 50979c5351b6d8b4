//! `upshift`: everything about HTTP 426 Upgrade Required, on the command line.
//!
//! Each verb is a module with its arguments and a `run`. Data goes to stdout, messages to stderr.

mod account;
mod arguments;
mod check;
mod completions;
mod control;
mod demo;
mod explain;
mod file_changes;
mod file_writing;
mod forecast;
mod get;
mod grade;
mod init;
mod lint;
mod log;
mod man;
mod mock;
mod note;
mod plan;
mod policy_file;
mod probe;
mod prometheus_url;
mod replay;
mod report;
mod runtime;
mod sarif;
mod schema;
mod serve;
mod signals;
mod startup;
mod state;
mod suite_files;
mod terminal;
mod test;
mod trips;
mod verb_error;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use upshift_record::Exit;

use crate::verb_error::VerbResult;

/// Makes the move from an old protocol to a better one polite, safe and measurable: everything
/// about HTTP 426 Upgrade Required.
#[derive(Debug, Parser)]
#[command(
    name = "upshift",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = EXAMPLES
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  upshift demo                              see it work; needs no file
  upshift init                              write a first policy file, by asking
  upshift check                             validate ./upshift.toml, and warn about surprises
  upshift explain http://localhost/account  show what happens to this request, and why
  upshift forecast access.log               show who would be refused, from access logs
  upshift serve --observe                   run the gateway; count refusals, but refuse no one

Exit codes: 0 success, 1 a check failed or a request was refused, 2 wrong usage or an invalid file,
3 a failure of the environment (files, network), 4 there was nothing to do.";

/// The verbs. A new one is a module, a line here and a line in [`Verb::run`].
#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::InitArgs),
    Serve(serve::ServeArgs),
    Demo(demo::DemoArgs),
    Check(check::CheckArgs),
    Explain(explain::ExplainArgs),
    Forecast(forecast::ForecastArgs),
    Get(get::GetArgs),
    Probe(probe::ProbeArgs),
    Mock(mock::MockArgs),
    Grade(grade::GradeArgs),
    Test(test::TestArgs),
    Replay(replay::ReplayArgs),
    Lint(lint::LintArgs),
    Note(note::NoteArgs),
    Plan(plan::PlanArgs),
    Report(report::ReportArgs),
    Trips(trips::TripsArgs),
    Pause(control::PauseArgs),
    Resume(control::ResumeArgs),
    Set(control::SetArgs),
    Undo(control::UndoArgs),
    Schema(schema::SchemaArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Verb {
    fn run(self) -> VerbResult {
        match self {
            Self::Init(verb) => verb.run(),
            Self::Serve(verb) => verb.run(),
            Self::Demo(verb) => verb.run(),
            Self::Check(verb) => verb.run(),
            Self::Explain(verb) => verb.run(),
            Self::Forecast(verb) => verb.run(),
            Self::Get(verb) => verb.run(),
            Self::Probe(verb) => verb.run(),
            Self::Mock(verb) => verb.run(),
            Self::Grade(verb) => verb.run(),
            Self::Test(verb) => verb.run(),
            Self::Replay(verb) => verb.run(),
            Self::Lint(verb) => verb.run(),
            Self::Note(verb) => verb.run(),
            Self::Plan(verb) => verb.run(),
            Self::Report(verb) => verb.run(),
            Self::Trips(verb) => verb.run(),
            Self::Pause(verb) => verb.run(),
            Self::Resume(verb) => verb.run(),
            Self::Set(verb) => verb.run(),
            Self::Undo(verb) => verb.run(),
            Self::Schema(verb) => verb.run(),
            Self::Completions(verb) => verb.run(Cli::command()),
            Self::Man(verb) => verb.run(Cli::command()),
        }
    }
}

fn main() -> ExitCode {
    let exit = match parse_and_run() {
        Ok(exit) => exit,
        Err(error) => error.print_and_return_exit(),
    };
    exit.into()
}

fn parse_and_run() -> VerbResult {
    signals::survive_file_limit()?;
    match Cli::try_parse() {
        Ok(cli) => cli.verb.run(),
        // clap's "errors" include help and version, which it prints to stdout.
        Err(error) => {
            error.print()?;
            Ok(if error.use_stderr() { Exit::Usage } else { Exit::Fine })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
