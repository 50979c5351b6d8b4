//! The lines of a text, for the places of many offsets in it.

/// The lines of a text. Counting them for each place would cost the square of the length.
pub(super) struct LineIndex<'t> {
    text: &'t str,
    /// The offset at which each line begins.
    starts: Vec<usize>,
}

impl<'t> LineIndex<'t> {
    /// Finds the lines of `text`.
    pub(super) fn of(text: &'t str) -> Self {
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(newline, _)| newline + 1));
        Self { text, starts }
    }

    /// The line and the column, both from 1, of the octet at `offset`.
    pub(super) fn locate(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let before = self.text.get(start..offset).unwrap_or(&self.text[start..]);
        (line, before.chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_have_lines_and_columns() {
        let index = LineIndex::of("a\n\nßc\n");
        let rows = [(0, (1, 1)), (1, (1, 2)), (2, (2, 1)), (3, (3, 1)), (5, (3, 2)), (99, (4, 1))];
        for (offset, place) in rows {
            assert_eq!(index.locate(offset), place, "{offset}");
        }
        assert_eq!(LineIndex::of("").locate(0), (1, 1));
    }
}
