//! The report for people: the matrix, then what follows from it.

use upshift_record::NoteLevel;
use upshift_record::probe::{ProbeReport, Promise, PromiseVerdict};

use super::matrix::{render_head, render_row, time_text};
use super::paragraphs::{some_of, wrap};
use crate::terminal::{Hue, Palette};

/// The indent of what supports a finding.
const EVIDENCE_INDENT: usize = 6;

/// Renders the report. The texts in it have to be visible.
pub(super) fn render(report: &ProbeReport, palette: Palette) -> String {
    let mut text = format!("{}\n", palette.paint(Hue::Bold, &report.url));
    for line in wrap(&endpoints_text(report), 0) {
        text.push_str(&format!("{}\n", palette.paint(Hue::Faint, line)));
    }
    text.push('\n');
    text.push_str(&render_head(palette));
    for row in &report.lanes {
        text.push_str(&render_row(row, palette));
    }
    if !report.extras.is_empty() {
        text.push('\n');
    }
    for row in &report.extras {
        text.push_str(&render_row(row, palette));
    }
    push_promises(&mut text, report, palette);
    push_hops(&mut text, report, palette);
    push_notes(&mut text, report, palette);
    let summary = format!("{} connections, {}", report.connections, time_text(report.elapsed_ms));
    text.push_str(&format!("\n{}\n", palette.paint(Hue::Faint, summary)));
    text
}

fn endpoints_text(report: &ProbeReport) -> String {
    let mut parts = Vec::new();
    if let Some(cleartext) = &report.cleartext {
        parts.push(format!("cleartext at {cleartext}"));
    }
    if let Some(tls) = &report.tls {
        parts.push(format!("TLS at {tls}"));
    }
    if let Some(certificate) = &report.certificate {
        parts.push(match &certificate.problem {
            None => "the certificate is trusted".to_owned(),
            Some(problem) => format!("the certificate is not trusted: {problem}"),
        });
    }
    parts.join(" · ")
}

fn push_promises(text: &mut String, report: &ProbeReport, palette: Palette) {
    if report.promises.is_empty() {
        return;
    }
    text.push_str("\nPromises\n");
    for promise in &report.promises {
        let (sign, hue) = match promise.verdict {
            PromiseVerdict::Delivered => ("✓", Hue::Good),
            PromiseVerdict::NotDelivered => ("✗", Hue::Bad),
            PromiseVerdict::NotChecked => ("·", Hue::Faint),
        };
        let head = format!("{sign} {}: {}", promise.what, promise.verdict.as_str());
        text.push_str(&format!("  {}\n", palette.paint(hue, head)));
        push_evidence(text, &promise.evidence, palette);
        push_evidence(text, &origin_text(promise), palette);
    }
}

fn origin_text(promise: &Promise) -> String {
    format!("from {} in {}", promise.sources.join(", "), some_of(&promise.made_by))
}

fn push_hops(text: &mut String, report: &ProbeReport, palette: Palette) {
    if report.hops.is_empty() {
        return;
    }
    text.push_str("\nBetween you and the server\n");
    for hop in &report.hops {
        push_finding(text, hop.level, &hop.summary, palette);
        for evidence in &hop.evidence {
            push_evidence(text, evidence, palette);
        }
    }
}

fn push_notes(text: &mut String, report: &ProbeReport, palette: Palette) {
    if report.notes.is_empty() {
        return;
    }
    text.push_str("\nNotes\n");
    for note in &report.notes {
        push_finding(text, note.level, &format!("{} {}", note.note, note.message), palette);
        let about = format!("{} in {}", note.source, some_of(&note.questions));
        push_evidence(text, &about, palette);
    }
}

fn push_finding(text: &mut String, level: NoteLevel, summary: &str, palette: Palette) {
    let (sign, hue) = match level {
        NoteLevel::Good => ("✓", Hue::Good),
        NoteLevel::Info => ("·", Hue::Faint),
        NoteLevel::Warn => ("!", Hue::Warning),
        NoteLevel::Error => ("✗", Hue::Bad),
    };
    for (place, line) in wrap(summary, 4).into_iter().enumerate() {
        if place == 0 {
            let first = format!("{sign} {}", line.trim_start());
            text.push_str(&format!("  {}\n", palette.paint(hue, first)));
        } else {
            text.push_str(&format!("{line}\n"));
        }
    }
}

fn push_evidence(text: &mut String, evidence: &str, palette: Palette) {
    for line in wrap(evidence, EVIDENCE_INDENT) {
        text.push_str(&format!("{}\n", palette.paint(Hue::Faint, line)));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::super::paragraphs::WIDTH;
    use super::*;

    fn report() -> ProbeReport {
        let json = serde_json::json!({
            "schema": "upshift.probe/1", "url": "http://a.example/", "cleartext": "a.example:80",
            "tls": "a.example:443", "connections": 18, "elapsed_ms": 1234.5,
            "certificate": { "trusted": false, "problem": "it has expired", "chain_length": 2 },
            "lanes": [
                { "question": "h2c-upgrade", "outcome": "answered", "status": 426,
                  "upgrade": ["websocket", "TLS/1.3"], "elapsed_ms": 0.84,
                  "exchange": { "schema": "upshift.exchange/1",
                      "interim": [{ "status": 103, "version": "1.1", "fields": [] }],
                      "response": { "status": 426, "version": "1.1", "fields": [] } } },
                { "question": "ws", "outcome": "switched", "status": null, "upgrade": [],
                  "switched_to": "websocket", "elapsed_ms": 20.0,
                  "remarks": ["the server does not answer a close frame"],
                  "exchange": { "schema": "upshift.exchange/1",
                      "interim": [{ "status": 101, "version": "1.1", "fields": [] }] } },
                { "question": "h3", "outcome": "not-asked", "status": null, "upgrade": [],
                  "reason": "its TLS port is not known (--tls-port)", "elapsed_ms": null },
            ],
            "extras": [],
            "promises": [{ "what": "TLS/1.3", "sources": ["Upgrade"],
                "made_by": ["h1.0", "h1.1", "ws", "token", "tokens"], "verdict": "not-delivered",
                "evidence": "tls-inband: 426, which asks for the same; tls1.3: connection refused" }],
            "hops": [{ "id": "upgrade-removed", "level": "error", "evidence": ["`Server: nginx`"],
                "summary": "A hop between us removed Upgrade: the server answers as if nothing was \
                            offered." }],
            "notes": [{ "note": "U002", "level": "warn", "message": "no `Connection`",
                "source": "RFC 9110 §7.8", "questions": ["ws"] }],
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_report_fits_80_columns() {
        let text = render(&report(), Palette::colourless());
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
            assert_eq!(line.trim_end(), line);
        }
    }

    #[test]
    fn an_interim_response_and_a_switch_are_shown() {
        let text = render(&report(), Palette::colourless());
        for line in [
            "  h2c-upgrade  103, 426 Upgrade Required      websocket, TLS/1.3         0.8 ms",
            "  ws           101 Switching Protocols        → websocket                 20 ms",
            "  h3           not asked: its TLS port is not known (--tls-port)",
            "  ✗ TLS/1.3: advertised, not delivered",
            "      from Upgrade in h1.0, h1.1, ws and 2 others",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
