//! `upshift note`: explains a note, or lists all of them.

use clap::Args;
use upshift_notes::{Note, all_notes, find_note};
use upshift_record::{Exit, NoteLevel, NoteRecord};

use crate::terminal::{Hue, Palette, print_json, print_stdout};
use crate::verb_error::VerbResult;

/// Explain a note that lint or probe gave, with a wrong and a right example
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift note U014
  upshift note --list
  upshift note --list --json | jq -r '.[] | [.id, .level, .summary] | @tsv'")]
pub(crate) struct NoteArgs {
    /// The id, such as U014
    #[arg(value_name = "ID", value_parser = find_note, required_unless_present = "list")]
    note: Option<&'static Note>,
    /// List the ids of all notes, one a line
    #[arg(long, conflicts_with = "note")]
    list: bool,
    /// Print JSON; with --list, all notes
    #[arg(long)]
    json: bool,
}

impl NoteArgs {
    pub(crate) fn run(self) -> VerbResult {
        match self.note {
            Some(note) if self.json => print_json(&note.to_record())?,
            Some(note) => print_stdout(&render_note(note, Palette::of_stdout()))?,
            None if self.json => {
                let records: Vec<NoteRecord> =
                    all_notes().iter().map(|note| note.to_record()).collect();
                print_json(&records)?;
            }
            None => {
                let ids: String =
                    all_notes().iter().map(|note| format!("{}\n", note.id())).collect();
                print_stdout(&ids)?;
            }
        }
        Ok(Exit::Fine)
    }
}

fn render_note(note: &Note, palette: Palette) -> String {
    let title = format!("{} ({}): {}", note.id(), note.level(), note.summary());
    let mut text = format!("{}\n\n", palette.paint(Hue::Bold, title));
    text.push_str(&wrap(note.why()));
    text.push('\n');
    let source = match note.quote() {
        Some(quote) => format!("{}: \"{quote}\"", note.source()),
        None => note.source().to_owned(),
    };
    text.push_str(&wrap(&source));
    text.push_str(&format!("{}\n", note.source_url()));
    let is_good = note.level() == NoteLevel::Good;
    let (wrong, right) = if is_good { ("Without it:", "With it:") } else { ("Wrong:", "Right:") };
    for (hue, heading, example) in
        [(Hue::Bad, wrong, note.wrong_example()), (Hue::Good, right, note.right_example())]
    {
        text.push_str(&format!("\n{}\n\n", palette.paint(hue, heading)));
        for line in example.lines() {
            let line = format!("  {line}");
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// Lines of at most 80 columns.
fn wrap(text: &str) -> String {
    let mut wrapped = String::new();
    let mut width = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > 80 {
            wrapped.push('\n');
            width = 0;
        } else if width > 0 {
            wrapped.push(' ');
            width += 1;
        }
        wrapped.push_str(word);
        width += length;
    }
    wrapped + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_at_most_80_columns() {
        for note in all_notes() {
            let wrapped = wrap(note.why());
            assert!(wrapped.lines().all(|line| line.chars().count() <= 80), "{wrapped}");
            assert_eq!(wrapped.split_whitespace().count(), note.why().split_whitespace().count());
        }
    }
}
