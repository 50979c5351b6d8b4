//! One run: its events go to stdout and into the reports.

use std::io;

use tokio::sync::watch;
use upshift_lab::suite::{RunOptions, RunPlan, run_suites};
use upshift_record::Exit;
use upshift_record::suite::{RunEvent, RunRecord};

use super::console::{Console, last_outcome};
use super::exit_code::judge_run;
use super::github;
use super::reports::{ReportFile, ReportWriter};
use crate::signals::StopSignals;
use crate::terminal::{Palette, json_line, print_stderr, print_stdout};
use crate::verb_error::{VerbError, VerbResult};

/// The way in which a run is done and shown.
pub(super) struct RunSettings<'a> {
    pub(super) jobs: Option<usize>,
    pub(super) retries: u32,
    pub(super) fail_fast: bool,
    pub(super) as_json: bool,
    pub(super) reports: &'a [ReportFile],
    pub(super) palette: Palette,
}

/// Runs a plan, and returns the exit code for it. The first signal ends it in good order, the second
/// at once.
pub(super) async fn run_once(
    plan: &RunPlan,
    settings: &RunSettings<'_>,
    stop: &StopSignals,
) -> VerbResult {
    let options = RunOptions {
        retries: settings.retries,
        fail_fast: settings.fail_fast,
        ..run_options(settings.jobs)
    };
    let console = Console::new(settings.palette);
    let mut sink = EventSink { settings, console, writer: None, is_unread: false, failure: None };
    let (sender, stopping) = watch::channel(false);
    let mut observer = |event: &RunEvent, run: &RunRecord| {
        sink.take(event, run);
        if sink.failure.is_some() {
            sender.send_replace(true);
        }
    };
    let running = run_suites(plan, &options, stopping, &mut observer);
    let run = tokio::select! {
        run = running => run,
        () = stop_run(stop, &sender) => return Ok(Exit::FellShort),
    };
    let reported = sink.finish().and_then(|()| github::report_to_actions(&run, settings.as_json));
    match reported {
        Ok(()) => Ok(judge_run(&run)),
        // The worse of two: a case that failed is not hidden by a report that cannot be written.
        Err(error) if run.summary().failed > 0 => {
            error.print_and_return_exit();
            Ok(Exit::FellShort)
        }
        Err(error) => Err(error),
    }
}

/// Stops a run at the first signal, and resolves at the second.
pub(crate) async fn stop_run(stop: &StopSignals, sender: &watch::Sender<bool>) {
    stop.first_signal_quietly().await;
    print_stderr("stopping: the cases that have not ended count as not run");
    sender.send_replace(true);
    stop.second_signal().await;
}

/// The settings of a run at this moment.
pub(crate) fn run_options(jobs: Option<usize>) -> RunOptions {
    let now = jiff::Timestamp::now();
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let seconds = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
    RunOptions {
        jobs: jobs.unwrap_or(processors),
        retries: 0,
        fail_fast: false,
        started: seconds.to_string(),
        today: now.to_zoned(jiff::tz::TimeZone::UTC).date(),
    }
}

/// Takes events: prints them, and hands outcomes to the reports.
struct EventSink<'a> {
    settings: &'a RunSettings<'a>,
    console: Console,
    writer: Option<ReportWriter>,
    /// The reader of stdout has gone, as `head` does. The run goes on: its exit code still counts.
    is_unread: bool,
    /// The first failure. The run is stopped for it.
    failure: Option<VerbError>,
}

impl EventSink<'_> {
    fn take(&mut self, event: &RunEvent, run: &RunRecord) {
        if self.failure.is_some() {
            return;
        }
        if let Err(error) = self.show(event, run) {
            self.failure = Some(error);
        }
    }

    fn text_for(&self, event: &RunEvent, run: &RunRecord) -> Result<String, VerbError> {
        if self.settings.as_json {
            return Ok(json_line(event)?);
        }
        Ok(self.console.text_for(event, run))
    }

    fn show(&mut self, event: &RunEvent, run: &RunRecord) -> Result<(), VerbError> {
        if !self.is_unread {
            match print_stdout(&self.text_for(event, run)?) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.is_unread = true,
                printed => printed?,
            }
        }
        match event {
            RunEvent::Planned { .. } => {
                self.writer = ReportWriter::start(self.settings.reports, run)?;
            }
            RunEvent::Finished { address, .. } => {
                if let (Some(writer), Some(outcome)) = (&self.writer, last_outcome(run, address))
                    && !writer.add(outcome.clone())
                {
                    return self.finish_reports();
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish_reports(&mut self) -> Result<(), VerbError> {
        match self.writer.take() {
            Some(writer) => writer.finish(),
            None => Ok(()),
        }
    }

    /// Waits for the reports, and returns the first failure.
    fn finish(mut self) -> Result<(), VerbError> {
        let written = self.finish_reports();
        match self.failure {
            Some(failure) => Err(failure),
            None => written,
        }
    }
}
