//! The report of `upshift grade` for people.

use std::io::IsTerminal;

use upshift_config::make_visible;
use upshift_record::grade::{GradeReport, PeerGrade, PeerVerdict};

use crate::terminal::{Hue, Palette, counted, print_stderr};

/// Prints a line for each finished peer, if a person watches.
pub(super) fn print_progress(peer: &PeerGrade, done: usize, count: usize) {
    if std::io::stderr().is_terminal() {
        print_stderr(format_args!(
            "{done:>3}/{count}  {:<28} {}",
            peer.peer,
            peer.verdict.as_str()
        ));
    }
}

/// The table of peers, the evidence where the client fell short, and the letter.
pub(super) fn render_report(report: &GradeReport, verbose: bool, palette: Palette) -> String {
    let mut text = String::new();
    for peer in &report.peers {
        if peer.verdict != PeerVerdict::Unsupported || verbose {
            text.push_str(&peer_lines(peer, verbose, palette));
        }
    }
    let left_out =
        report.peers.iter().filter(|peer| peer.verdict == PeerVerdict::Unsupported).count();
    text.push('\n');
    if left_out > 0 {
        let cases = counted(left_out as u64, "case");
        text.push_str(&format!("{cases} of another kind or unsupported (--verbose shows why)\n"));
    }
    if let Some(letter) = report.letter {
        let (points, most) = (report.points, report.most_points);
        let limit = match report.limited_by {
            Some(behaviour) => format!(", limited because it {}", behaviour.as_str()),
            None => String::new(),
        };
        let line = format!("grade {letter}   {points} of {most} points{limit}");
        text.push_str(&format!("{}\n", palette.paint(Hue::Bold, line)));
    }
    text
}

fn peer_lines(peer: &PeerGrade, verbose: bool, palette: Palette) -> String {
    let hue = match peer.verdict {
        PeerVerdict::Right => Hue::Good,
        PeerVerdict::Acceptable => Hue::Warning,
        PeerVerdict::Wrong => Hue::Bad,
        PeerVerdict::Unsupported => Hue::Faint,
    };
    let verdict = palette.paint(hue, format!("{:<11}", peer.verdict.as_str()));
    let did: Vec<&str> = peer.behaviours.iter().map(|behaviour| behaviour.as_str()).collect();
    let mut text = format!("{verdict} {:<28} {}\n", peer.peer, did.join(", "));
    if peer.verdict != PeerVerdict::Wrong && !verbose {
        return text;
    }
    text.push_str(&format!("            good: {}\n", peer.expect));
    for line in &peer.evidence {
        text.push_str(&format!("            {}\n", make_visible(line)));
    }
    text
}
