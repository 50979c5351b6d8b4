//! A case that was run again, for people.

use std::fmt::Write as _;

use upshift_config::make_visible;
use upshift_record::probe::WireRecord;
use upshift_record::suite::{
    CaseEvidence, CaseNote, CaseOutcome, CaseTry, CaseVerdict, ClientRun, ConnectionTrace,
};
use upshift_record::{NoteLevel, Protection, octet_lines};

use crate::terminal::{Hue, Palette};
use crate::test::verdict_lines;

/// All tries of a case, with their octets.
pub(super) fn outcome_text(outcome: &CaseOutcome, palette: Palette) -> String {
    let mut text = String::new();
    for (place, tried) in outcome.tries.iter().enumerate() {
        if outcome.tries.len() > 1 {
            // Writing to a string does not fail.
            let _ = writeln!(text, "try {}", place + 1);
        }
        push_try(&mut text, tried, palette);
    }
    let hue = if outcome.fell_short() { Hue::Bad } else { Hue::Good };
    let mark = palette.paint(hue, outcome.mark().to_uppercase());
    let address = palette.paint(Hue::Bold, outcome.address.to_string());
    let _ = writeln!(text, "{mark} {address}");
    text
}

fn push_try(text: &mut String, tried: &CaseTry, palette: Palette) {
    let evidence = &tried.evidence;
    for connection in &evidence.connections {
        push_connection(text, connection, palette);
    }
    push_messages(text, evidence);
    if let Some(client) = &evidence.client {
        push_client(text, client);
    }
    for note in evidence.notes.iter().filter(|note| note.finding.level != NoteLevel::Good) {
        push_note(text, note);
    }
    for remark in &evidence.remarks {
        let _ = writeln!(text, "remark: {}", make_visible(remark));
    }
    text.push_str(&verdict_lines(&tried.verdict, palette));
    if tried.verdict == CaseVerdict::Passed {
        let _ = writeln!(text, "everything is as expected");
    }
}

fn push_connection(text: &mut String, connection: &ConnectionTrace, palette: Palette) {
    let peer = connection.peer.as_deref().unwrap_or("no address");
    let line = format!("connection {}, {peer}, {}", connection.number, protection_text(connection));
    let _ = writeln!(text, "{}", palette.paint(Hue::Bold, line));
    for (at_ms, lines, hue) in entries_of(connection) {
        let time = palette.paint(Hue::Faint, format!("{at_ms:>10.3} ms"));
        for (place, line) in lines.iter().enumerate() {
            let line = palette.paint(hue, line);
            match place {
                0 => drop(writeln!(text, "{time} {line}")),
                _ => drop(writeln!(text, "{:13} {line}", "")),
            }
        }
    }
    text.push('\n');
}

fn protection_text(connection: &ConnectionTrace) -> String {
    match &connection.protection {
        None => "no protection known".to_owned(),
        Some(Protection::Cleartext) => "cleartext".to_owned(),
        Some(Protection::Tls { version, alpn }) => {
            let version = version.as_deref().unwrap_or("of an unknown version");
            match alpn {
                Some(alpn) => format!("TLS {version} with {alpn}"),
                None => format!("TLS {version}"),
            }
        }
    }
}

/// The events and the octets of a connection, in the order of their times.
fn entries_of(connection: &ConnectionTrace) -> Vec<(f64, Vec<String>, Hue)> {
    let mut entries = Vec::new();
    for mark in &connection.timeline {
        entries.push((mark.at_ms, vec![format!("* {}", mark.what)], Hue::Warning));
    }
    for record in &connection.wire {
        entries.push((record.at_ms, record.lines(), hue_of(record)));
    }
    // A stable sort: what happened at the same time keeps its order.
    entries.sort_by(|first, second| first.0.total_cmp(&second.0));
    entries
}

fn hue_of(record: &WireRecord) -> Hue {
    match record.event.as_str() {
        "sent" | "sent-end" => Hue::Bold,
        "received" | "received-end" => Hue::Good,
        _ => Hue::Bad,
    }
}

/// The messages, where there are no octets to show: over QUIC, and of linted files.
fn push_messages(text: &mut String, evidence: &CaseEvidence) {
    let has_octets = evidence.connections.iter().any(|connection| !connection.wire.is_empty());
    if has_octets || evidence.exchanges.is_empty() {
        return;
    }
    let messages = CaseEvidence { client: None, ..evidence.clone() };
    for line in messages.transcript().lines() {
        let _ = writeln!(text, "{}", make_visible(line));
    }
    text.push('\n');
}

fn push_client(text: &mut String, client: &ClientRun) {
    let _ = writeln!(text, "$ {}", make_visible(&client.command_line()));
    for (name, body) in [("stdout", &client.stdout), ("stderr", &client.stderr)] {
        for line in octet_lines(&body.octets) {
            let _ = writeln!(text, "{name}: {}", make_visible(&line));
        }
    }
    let _ = writeln!(text, "{}\n", make_visible(&client.end));
}

fn push_note(text: &mut String, note: &CaseNote) {
    let finding = &note.finding;
    let place = match &note.file {
        Some(file) => file.clone(),
        None => finding.place.to_string(),
    };
    let line = format!("{} ({}, {place}): {}", finding.note, finding.level, finding.message);
    let _ = writeln!(text, "{}", make_visible(&line));
    let source = match &note.quote {
        Some(quote) => format!("{}: \"{quote}\"", finding.source),
        None => finding.source.clone(),
    };
    let _ = writeln!(text, "    {}", make_visible(&source));
    if let Some(reason) = &note.ignored {
        let _ = writeln!(text, "    ignored: {}", make_visible(reason));
    }
}
