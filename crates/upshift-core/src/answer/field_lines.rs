//! Field lines with holes, as HTTP/1.1 writes them.

use crate::field::is_field_value;
use crate::prepared::{Hole, Template, TemplatePiece};

/// The field lines of an answer.
#[derive(Default)]
pub(super) struct FieldLines(Template);

impl FieldLines {
    /// Appends a line.
    ///
    /// A line with an invalid value is left out, not altered. The reader of policy files rejects
    /// such values, but a policy can also be built in code.
    pub(super) fn push(&mut self, name: &str, value: impl TemplatePiece) {
        let mut template = Template::default();
        template.push(value);
        let text = template.fixed_text();
        // RFC 9110 §5.5: a field value does not begin or end with white space.
        if !is_field_value(text) || text.trim_matches([' ', '\t']) != text {
            return;
        }
        self.0.push(name);
        self.0.push(": ");
        self.0.push(template);
        self.0.push("\r\n");
    }

    /// Appends a hole for lines that not every request has.
    pub(super) fn push_optional(&mut self, lines: Hole) {
        self.0.push(lines);
    }

    pub(super) fn into_template(self) -> Template {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_would_end_early_is_left_out() {
        let mut lines = FieldLines::default();
        lines.push("Link", "<https://a>");
        lines.push("Link", "<https://a>\r\nSet-Cookie: a=b");
        lines.push("Link", "<https://é>");
        lines.push("Link", " <https://a>");
        lines.push("Link", "<https://a>\t");
        assert_eq!(lines.into_template().fixed_text(), "Link: <https://a>\r\n");
    }
}
