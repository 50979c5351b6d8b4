//! Events as lines: for people, and as JSON.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use http::StatusCode;
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use upshift_lab::mock::{MockEvent, Scenario, ServedScenario};
use upshift_record::{Lane, RecordedResponse};

use crate::terminal::{Hue, Palette, print_stdout};
use crate::verb_error::VerbError;

/// The reason why printing is over.
pub(super) enum PrintEnd {
    /// As many requests were answered as were asked for.
    Enough,
    /// A line could not be written.
    Failed(VerbError),
}

/// A printer of events. The thread of the mock calls it, so a slow reader slows the mock.
pub(super) struct EventPrinter {
    as_json: bool,
    palette: Palette,
    record: Option<Mutex<File>>,
    /// The number of answers after which there are enough.
    wanted: Option<u64>,
    answered: AtomicU64,
    ends: UnboundedSender<PrintEnd>,
}

/// A peer of the catalogue, as `--list --json` shows it.
#[derive(Serialize)]
pub(super) struct PeerSummary {
    name: String,
    summary: String,
    wrong: Option<String>,
    rfc: String,
    incident: Option<String>,
    expect: String,
    lanes: Vec<Lane>,
}

impl PeerSummary {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let incident = scenario.incident();
        Self {
            name: scenario.name().to_owned(),
            summary: scenario.summary().to_owned(),
            wrong: scenario.wrong().map(str::to_owned),
            rfc: scenario.rfc().to_owned(),
            incident: if incident.is_empty() { None } else { Some(incident.to_owned()) },
            expect: scenario.expect().to_owned(),
            lanes: scenario.lanes(),
        }
    }
}

impl EventPrinter {
    /// A printer, and the channel that says when printing is over.
    pub(super) fn new(
        as_json: bool,
        record: Option<&Path>,
        wanted: Option<u64>,
    ) -> Result<(Self, UnboundedReceiver<PrintEnd>), VerbError> {
        let record = match record {
            Some(file) => Some(Mutex::new(open_record(file)?)),
            None => None,
        };
        let (ends, receiver) = unbounded_channel();
        let palette = Palette::of_stdout();
        let answered = AtomicU64::new(0);
        Ok((Self { as_json, palette, record, wanted, answered, ends }, receiver))
    }

    /// Prints an event.
    pub(super) fn print(&self, event: &MockEvent) {
        if let Err(error) = self.print_lines(event) {
            // The verb has ended if it fails.
            let _ = self.ends.send(PrintEnd::Failed(error.into()));
            return;
        }
        if let MockEvent::Answer { then, .. } = event
            // A request that is answered again, in another protocol, counts then.
            && !matches!(*then, "h2c" | "tls")
        {
            let count = self.answered.fetch_add(1, Ordering::Relaxed) + 1;
            if self.wanted.is_some_and(|wanted| count >= wanted) {
                let _ = self.ends.send(PrintEnd::Enough);
            }
        }
    }

    fn print_lines(&self, event: &MockEvent) -> io::Result<()> {
        if self.as_json || self.record.is_some() {
            let line = serde_json::to_string(event).map_err(io::Error::from)? + "\n";
            if let Some(record) = &self.record {
                let mut file = record.lock().unwrap_or_else(PoisonError::into_inner);
                file.write_all(line.as_bytes())?;
            }
            if self.as_json {
                return print_stdout(&line);
            }
        }
        match event_line(event, self.palette) {
            Some(line) => print_stdout(&(line + "\n")),
            None => Ok(()),
        }
    }
}

fn open_record(file: &Path) -> Result<File, VerbError> {
    let opened = OpenOptions::new().create(true).append(true).open(file);
    opened.map_err(|error| {
        VerbError::environment(format_args!("cannot write {}: {error}", file.display()))
    })
}

/// The line for people; `None` for an event that they need not see.
fn event_line(event: &MockEvent, palette: Palette) -> Option<String> {
    match event {
        MockEvent::Listening { http, https, h3, scenarios, .. } => {
            let also = if h3.is_some() { " (and HTTP/3)" } else { "" };
            let names: Vec<String> = scenarios.iter().map(scenario_text).collect();
            let addresses = palette.paint(Hue::Bold, format!("{http}  {https}{also}"));
            Some(format!("{addresses}  {}", palette.paint(Hue::Faint, names.join(", "))))
        }
        MockEvent::Answer {
            connection,
            lane,
            scenario,
            method,
            target,
            step,
            then,
            interim,
            response,
            ..
        } => {
            let request = palette.paint(Hue::Bold, format!("{method} {target}"));
            let statuses = statuses_text(interim, response.as_ref());
            let place = match step {
                Some(step) => format!("{scenario}, step {step}, then {then}"),
                None => "no step fits".to_owned(),
            };
            let source = palette.paint(Hue::Faint, format!("({place}; connection {connection})"));
            let lane = palette.paint(Hue::Faint, format!("{lane:11}"));
            Some(format!("{lane} {request} → {} {source}", palette.paint(Hue::Good, statuses)))
        }
        MockEvent::Malformed { connection, error, .. } => {
            let text = format!("malformed   {error} (connection {connection})");
            Some(palette.paint(Hue::Bad, text).to_string())
        }
        _ => None,
    }
}

fn scenario_text(served: &ServedScenario) -> String {
    match (&served.path, &served.host) {
        (Some(path), _) => format!("{path}={}", served.name),
        (None, Some(host)) => format!("{host}={}", served.name),
        (None, None) => served.name.clone(),
    }
}

/// The statuses in the order in which they were sent: `103, 426 Upgrade Required`.
fn statuses_text(interim: &[RecordedResponse], last: Option<&RecordedResponse>) -> String {
    let mut texts = Vec::new();
    for response in interim.iter().chain(last) {
        let known = StatusCode::from_u16(response.status).ok();
        let reason = known.and_then(|status| status.canonical_reason()).unwrap_or_default();
        texts.push(format!("{} {reason}", response.status).trim_end().to_owned());
    }
    if texts.is_empty() { "no response".to_owned() } else { texts.join(", ") }
}
