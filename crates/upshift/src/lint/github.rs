//! The findings as workflow commands of GitHub Actions, which shows them as annotations.

use upshift_config::make_visible;
use upshift_record::{LintReport, NoteLevel};

/// One command for each finding but good ones, the most severe first: GitHub shows ten of a kind.
pub(super) fn annotations(report: &LintReport) -> String {
    let mut findings = Vec::new();
    for exchange in &report.exchanges {
        for found in &exchange.findings {
            findings.push((exchange, found));
        }
    }
    findings.sort_by_key(|(_, found)| std::cmp::Reverse(found.finding.level));
    let mut text = String::new();
    for (exchange, found) in findings {
        let finding = &found.finding;
        let Some(command) = command_of(finding.level) else { continue };
        let mut properties = String::new();
        // Without a file, GitHub shows it at the job.
        if exchange.file != "stdin" {
            properties = format!("file={},", escape_property(&exchange.file));
        }
        if let Some(line) = found.line {
            properties.push_str(&format!("line={line},"));
        }
        let title = escape_property(&format!("{} {}", finding.note, finding.source));
        let url = exchange.url.as_deref().unwrap_or("exchange");
        let place = format!("{url} ({})", finding.place);
        let message = escape_data(&format!("{}: {place}", finding.message));
        text.push_str(&format!("::{command} {properties}title={title}::{message}\n"));
    }
    text
}

fn command_of(level: NoteLevel) -> Option<&'static str> {
    match level {
        NoteLevel::Good => None,
        NoteLevel::Info => Some("notice"),
        NoteLevel::Warn => Some("warning"),
        NoteLevel::Error => Some("error"),
    }
}

fn escape_data(text: &str) -> String {
    let escaped = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    make_visible(&escaped).into_owned()
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_a_property_or_a_command() {
        assert_eq!(escape_property("a:b,c\n100%"), "a%3Ab%2Cc%0A100%25");
        assert_eq!(escape_data("a:b\n::error::"), "a:b%0A::error::");
        assert_eq!(escape_data("a\u{1b}[2J"), "a\\u{1b}[2J");
    }
}
