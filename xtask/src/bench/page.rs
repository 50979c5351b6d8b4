//! docs/performance.md: its generated sections are between markers, and the rest is written by
//! hand.

use std::path::Path;

use super::section::Section;
use crate::run::{root, shown};

/// Replaces the section in docs/performance.md, and writes its charts into docs/charts.
///
/// # Errors
/// If the page has no markers for the section, or cannot be written.
pub(crate) fn write_section(section: &Section) -> Result<(), String> {
    let page = root().join("docs/performance.md");
    let text = read(&page)?;
    let Some(replaced) = replace_between(&text, section.name, section.markdown()) else {
        return Err(format!(
            "{} has no place for `{}`: add the lines {} and {}",
            shown(&page),
            section.name,
            begin_marker(section.name),
            end_marker(section.name)
        ));
    };
    let folder = root().join("docs/charts");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", shown(&folder)))?;
    for chart in section.charts() {
        write(&folder.join(format!("{}.svg", chart.file)), &chart.svg)?;
    }
    write(&page, &replaced)
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", shown(file)))
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| format!("{}: {error}", shown(file)))?;
    println!("  wrote {}", shown(file));
    Ok(())
}

fn begin_marker(name: &str) -> String {
    format!("<!-- bench {name} -->")
}

fn end_marker(name: &str) -> String {
    format!("<!-- end of bench {name} -->")
}

/// The text with other lines between the markers of a name; `None` if it has no such markers.
fn replace_between(text: &str, name: &str, lines: &str) -> Option<String> {
    let (before, rest) = text.split_once(&begin_marker(name))?;
    let (_, after) = rest.split_once(&end_marker(name))?;
    let (begin, end) = (begin_marker(name), end_marker(name));
    Some(format!("{before}{begin}\n{}\n{end}{after}", lines.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_markers_changes() {
        let page = "a\n<!-- bench h2 -->\nold\n<!-- end of bench h2 -->\nb\n";
        let replaced = replace_between(page, "h2", "new\n");
        let expected = "a\n<!-- bench h2 -->\nnew\n<!-- end of bench h2 -->\nb\n";
        assert_eq!(replaced.as_deref(), Some(expected));
        assert_eq!(replace_between(expected, "h2", "new").as_deref(), Some(expected));
        assert_eq!(replace_between(page, "rules", "new"), None);
    }
}
