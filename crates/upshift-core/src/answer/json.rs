//! JSON whose strings have holes.

use serde::Serialize;

use crate::prepared::{Encoding, Template};

/// A JSON value.
pub(super) enum Json {
    /// A string.
    Text(Template),
    /// A value that is the same for every request, on one or more lines.
    Fixed(String),
    /// An array.
    List(Vec<Self>),
    /// An object, its members in this order.
    Object(Vec<(&'static str, Self)>),
}

impl Json {
    /// A value that is the same for every request.
    pub(super) fn fixed(value: &impl Serialize) -> Self {
        // This cannot fail: every key is a string, and writing to memory succeeds.
        Self::Fixed(serde_json::to_string_pretty(value).unwrap_or_default())
    }

    /// A string that is the same for every request.
    pub(super) fn text(text: &str) -> Self {
        let mut template = Template::default();
        template.push(text);
        Self::Text(template)
    }

    /// Appends the value in the pretty format of `serde_json`: one member or element per line, and
    /// two spaces per level.
    pub(super) fn write_pretty(&self, level: usize, out: &mut Template) {
        match self {
            Self::Text(text) => {
                out.push("\"");
                out.push_encoded(text, Encoding::Json);
                out.push("\"");
            }
            // A string has no line breaks of its own: JSON escapes them.
            Self::Fixed(value) => out.push(value.replace('\n', &line_start(level))),
            Self::List(elements) if elements.is_empty() => out.push("[]"),
            Self::List(elements) => {
                out.push("[");
                for (index, element) in elements.iter().enumerate() {
                    push_line_start(index, level + 1, out);
                    element.write_pretty(level + 1, out);
                }
                out.push(line_start(level));
                out.push("]");
            }
            Self::Object(members) => {
                out.push("{");
                for (index, (name, value)) in members.iter().enumerate() {
                    push_line_start(index, level + 1, out);
                    out.push(format!("\"{name}\": "));
                    value.write_pretty(level + 1, out);
                }
                out.push(line_start(level));
                out.push("}");
            }
        }
    }
}

/// Begins the line of an element or member, with a comma after the previous one.
fn push_line_start(index: usize, level: usize, out: &mut Template) {
    if index > 0 {
        out.push(",");
    }
    out.push(line_start(level));
}

fn line_start(level: usize) -> String {
    format!("\n{}", "  ".repeat(level))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_written_as_serde_json_writes_it() {
        let inner = json!({ "list": ["a\nb", { "c": [] }], "number": 1 });
        let value = Json::Object(vec![
            ("text", Json::text("\"\\\u{1}é")),
            ("none", Json::List(Vec::new())),
            ("some", Json::List(vec![Json::text("x"), Json::fixed(&inner)])),
        ]);
        let mut template = Template::default();
        value.write_pretty(0, &mut template);
        let expected = json!({ "text": "\"\\\u{1}é", "none": [], "some": ["x", inner] });
        assert_eq!(
            Some(template.fixed_text()),
            serde_json::to_string_pretty(&expected).ok().as_deref()
        );
    }
}
