//! The result of a benchmark as Markdown: its tables, its goals and its charts.

use std::fmt::Write as _;

/// A part of docs/performance.md that is generated.
#[derive(Debug)]
pub(crate) struct Section {
    /// The name of the benchmark, and of the markers around the section.
    pub(crate) name: &'static str,
    /// Markdown, without the charts.
    text: String,
    charts: Vec<Chart>,
}

/// A chart of a section.
#[derive(Debug)]
pub(crate) struct Chart {
    /// The name of its file, without the extension.
    pub(crate) file: String,
    pub(crate) title: String,
    pub(crate) svg: String,
}

/// A table: the cells of its header and of its rows.
#[derive(Debug)]
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Section {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, text: String::new(), charts: Vec::new() }
    }

    /// Adds a paragraph, or another block of Markdown.
    pub(crate) fn add_text(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    pub(crate) fn add_table(&mut self, table: &Table) {
        self.add_text(&table.to_markdown());
    }

    /// Adds a chart, which is shown where it is added.
    pub(crate) fn add_chart(&mut self, chart: Chart) {
        self.add_text(&format!("![{}](charts/{}.svg)", chart.title, chart.file));
        self.charts.push(chart);
    }

    pub(crate) fn markdown(&self) -> &str {
        &self.text
    }

    pub(crate) fn charts(&self) -> &[Chart] {
        &self.charts
    }
}

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    pub(crate) fn add_row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    fn to_markdown(&self) -> String {
        let mut text =
            format!("| {} |\n|{}\n", self.header.join(" | "), "---|".repeat(self.header.len()));
        for row in &self.rows {
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        text
    }
}

/// A goal and what was measured, as a line of Markdown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GoalLine {
    pub(crate) text: String,
    pub(crate) is_met: bool,
}

/// Compares a measured number with the most that it may be.
pub(crate) fn judge_goal(what: &str, measured: f64, at_most: f64, digits: usize) -> GoalLine {
    let is_met = measured <= at_most;
    let verdict = if is_met { "met" } else { "**missed**" };
    GoalLine {
        text: format!(
            "Goal: {what} ≤ {}. Measured: {measured:.digits$}, {verdict}.",
            plain_number(at_most)
        ),
        is_met,
    }
}

/// A number with commas between thousands, and only the digits behind the point that it has.
pub(crate) fn plain_number(value: f64) -> String {
    if value.fract() != 0.0 {
        return value.to_string();
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_that_is_missed_says_so() {
        let met = judge_goal("CPU ÷ nginx", 0.95, 0.95, 2);
        assert_eq!(met.text, "Goal: CPU ÷ nginx ≤ 0.95. Measured: 0.95, met.");
        let missed = judge_goal("instructions", 4600.4, 4500.0, 0);
        assert!(!missed.is_met);
        assert_eq!(missed.text, "Goal: instructions ≤ 4,500. Measured: 4600, **missed**.");
    }

    #[test]
    fn a_section_is_blocks_of_markdown() {
        let mut section = Section::new("refusal");
        let mut table = Table::new(&["server", "µs"]);
        table.add_row(vec!["nginx".to_owned(), "7.9".to_owned()]);
        section.add_table(&table);
        section.add_text("One.\n");
        assert_eq!(section.markdown(), "| server | µs |\n|---|---|\n| nginx | 7.9 |\n\nOne.\n");
    }
}
