//! A client case: a client is run against a mock scenario.

use std::collections::BTreeMap;
use std::time::Duration;

use upshift_record::suite::{
    CaseEvidence, CaseVerdict, ClientRun, ConnectionTrace, Mismatch, TimelineMark,
};
use upshift_record::{Protection, RecordedExchange};

use super::findings::note_requests;
use super::try_result::TryResult;
use crate::client_run::{ClientCommand, ClientEnd};
use crate::grade::{
    ClientSession, SessionRun, TemplateValues, certificate_variables, fill_argument,
};
use crate::mock::{AnsweredRequest, ConnectionRecord};
use crate::suite::judge_client::{end_text, judge_client};
use crate::suite::plan::PlannedClient;
use crate::wire_log::{WireEntry, WireEvent, milliseconds};

/// The number of connections and requests together after which a client is stopped.
pub(in crate::suite) const MOST_MESSAGES: usize = 100;

/// The exit code of a command that cannot be run, or does not support a case.
const UNSUPPORTED: i32 = 127;

/// Runs the client, and judges what it did.
pub(super) async fn try_client(
    client: &PlannedClient,
    limit: Duration,
    captured: &BTreeMap<String, String>,
    stop: impl Future<Output = ()>,
) -> TryResult {
    let words = match expand_words(client, captured) {
        Ok(words) => words,
        Err(reason) => return TryResult::errored(reason),
    };
    let session =
        ClientSession { scenario: client.scenario.clone(), time: limit, messages: MOST_MESSAGES };
    let run = match session.run(|values| words.fill(values, client), stop).await {
        Ok(run) => run,
        Err(error) => return TryResult::errored(error.to_string()),
    };
    let verdict = judge_run(client, &words, &run, limit);
    TryResult { verdict, evidence: evidence_of(&run), captured: BTreeMap::new() }
}

/// The command and its environment, with captured values, before the placeholders are filled.
struct CommandWords {
    run: Vec<String>,
    env: Vec<(String, String)>,
}

impl CommandWords {
    fn uses(&self, placeholder: &str) -> bool {
        let mut texts = self.run.iter().chain(self.env.iter().map(|(_, value)| value));
        texts.any(|text| text.contains(placeholder))
    }

    fn fill(&self, values: &TemplateValues, client: &PlannedClient) -> ClientCommand {
        let mut words = self.run.iter().map(|word| fill_argument(word, values));
        let mut environment = certificate_variables(values);
        for (name, value) in &self.env {
            environment.push((name.clone(), fill_argument(value, values)));
        }
        let folder = &client.folder;
        ClientCommand {
            // The plan has at least one word.
            program: words.next().unwrap_or_default(),
            arguments: words.collect(),
            environment,
            folder: if folder.as_os_str().is_empty() { None } else { Some(folder.clone()) },
        }
    }
}

fn expand_words(
    client: &PlannedClient,
    captured: &BTreeMap<String, String>,
) -> Result<CommandWords, String> {
    let (mut run, mut env) = (Vec::new(), Vec::new());
    for word in &client.run {
        run.push(word.expand(captured).map_err(|error| error.to_string())?);
    }
    for (name, value) in &client.env {
        let value = value.expand(captured).map_err(|error| error.to_string())?;
        env.push((name.clone(), value));
    }
    Ok(CommandWords { run, env })
}

fn judge_run(
    client: &PlannedClient,
    words: &CommandWords,
    run: &SessionRun,
    limit: Duration,
) -> CaseVerdict {
    let expect = &client.expect;
    if let Some(why) = why_unsupported(run, expect.exit) {
        return match expect.skip_if_unsupported {
            true => CaseVerdict::Skipped(why),
            false => CaseVerdict::Errored(why),
        };
    }
    let mut mismatches = judge_client(expect, &run.record, &run.output, limit);
    if let Some(expected) = expect.grade {
        let grade = run.grade(words.uses("{secret}"), words.uses("{body}"));
        let letter = crate::grade::letter_of(&grade);
        if !letter.is_some_and(|letter| expected.includes(letter)) {
            let letter = letter.map_or("none".to_owned(), |letter| letter.as_char().to_string());
            let actual = format!("{letter} ({})", grade.evidence.join("; "));
            mismatches.push(Mismatch::new("grade", expected.to_string(), actual));
        }
    }
    if mismatches.is_empty() { CaseVerdict::Passed } else { CaseVerdict::Failed(mismatches) }
}

fn why_unsupported(run: &SessionRun, expected_exit: Option<i32>) -> Option<String> {
    match &run.output.end {
        ClientEnd::NotStarted(why) => {
            Some(format!("`{}` cannot be started: {why}", run.command.program))
        }
        ClientEnd::Exited(UNSUPPORTED) if expected_exit != Some(UNSUPPORTED) => {
            let program = &run.command.program;
            Some(format!("`{program}` ended with exit code 127: it cannot play this case"))
        }
        _ => None,
    }
}

fn evidence_of(run: &SessionRun) -> CaseEvidence {
    let mut requests = run.record.requests();
    requests.sort_by_key(|request| request.received);
    let exchanges: Vec<RecordedExchange> =
        requests.iter().map(|request| request.exchange.clone()).collect();
    let connections = &run.record.connections;
    let mut command = vec![run.command.program.clone()];
    command.extend(run.command.arguments.iter().cloned());
    CaseEvidence {
        notes: note_requests(&exchanges),
        exchanges,
        connections: connections.iter().enumerate().map(trace_of).collect(),
        client: Some(ClientRun {
            command,
            scenario: run.scenario.name().to_owned(),
            started: !matches!(run.output.end, ClientEnd::NotStarted(_)),
            exit: run.output.exit_code(),
            end: end_text(&run.output.end),
            stdout: run.output.stdout.clone(),
            stderr: run.output.stderr.clone(),
        }),
        remarks: Vec::new(),
    }
}

fn trace_of((place, connection): (usize, &ConnectionRecord)) -> ConnectionTrace {
    let cleartext = connection.wire.entries();
    let inside = connection.tls.as_ref().map(|tls| tls.inside.entries()).unwrap_or_default();
    let mut entries: Vec<WireEntry> = cleartext;
    if connection.tls.is_some() {
        // The octets after this are encrypted. The log inside TLS has them in cleartext.
        let handshake = entries.iter().position(begins_handshake);
        entries.truncate(handshake.unwrap_or(entries.len()));
        entries.extend(inside);
    }
    let protection = match &connection.tls {
        Some(tls) => tls.protection.clone(),
        None => Protection::Cleartext,
    };
    ConnectionTrace {
        number: place + 1,
        peer: Some(connection.client.to_string()),
        protection: Some(protection),
        timeline: timeline_of(connection),
        wire: entries.iter().map(WireEntry::to_record).collect(),
    }
}

fn mark(at: Duration, what: impl Into<String>) -> TimelineMark {
    TimelineMark { at_ms: milliseconds(at), what: what.into() }
}

/// RFC 8446 §5.1: a record with a handshake begins with 22, and then the major version 3.
fn begins_handshake(entry: &WireEntry) -> bool {
    matches!(&entry.event, WireEvent::Octets(_, octets) if octets.starts_with(&[22, 3]))
}

fn timeline_of(connection: &ConnectionRecord) -> Vec<TimelineMark> {
    let mut timeline = vec![mark(connection.accepted, "accepted")];
    if let Some(first) =
        connection.tls.as_ref().and_then(|tls| tls.inside.entries().into_iter().next())
    {
        timeline.push(mark(first.at, "TLS"));
    }
    for request in &connection.requests {
        timeline.push(mark(request.received, request_text(request)));
        if let Some(answered) = request.answered {
            timeline.push(mark(answered, answer_text(&request.exchange)));
        }
    }
    if let Some(ended) = connection.ended {
        timeline.push(mark(ended, "closed"));
    }
    timeline.sort_by(|first, second| first.at_ms.total_cmp(&second.at_ms));
    timeline
}

fn request_text(request: &AnsweredRequest) -> String {
    match &request.exchange.request {
        Some(message) => format!("{} {}", message.method, message.target),
        None => "request".to_owned(),
    }
}

fn answer_text(exchange: &RecordedExchange) -> String {
    let mut statuses: Vec<String> =
        exchange.interim.iter().map(|response| response.status.to_string()).collect();
    statuses.extend(exchange.response.as_ref().map(|response| response.status.to_string()));
    if statuses.is_empty() { "no response".to_owned() } else { statuses.join(", ") }
}
