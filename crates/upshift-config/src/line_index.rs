//! The lines of a text, found once for all diagnostics: a file with thousands of rules may have a
//! warning about each.

/// The lines of a text.
#[derive(Debug, Default)]
pub(crate) struct LineIndex {
    /// The byte offsets of the newlines.
    newlines: Vec<usize>,
}

impl LineIndex {
    /// Finds the lines of `text`.
    pub(crate) fn of_text(text: &str) -> Self {
        Self { newlines: text.match_indices('\n').map(|(at, _)| at).collect() }
    }

    /// The line of a byte offset, from 1.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.newlines.partition_point(|newline| *newline < at) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newline_ends_its_line() {
        let lines = LineIndex::of_text("a\n\nb\n");
        let found: Vec<usize> = (0..6).map(|at| lines.line_of(at)).collect();
        assert_eq!(found, [1, 1, 2, 3, 3, 4]);
    }
}
