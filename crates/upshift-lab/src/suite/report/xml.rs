//! XML 1.0, as far as a report needs it.

/// Writes a document. Elements are closed in the order in which they were opened.
#[derive(Debug)]
pub(super) struct XmlWriter {
    text: String,
    open: Vec<&'static str>,
    /// True if the last thing that was written is text, after which no white space may come.
    ends_in_text: bool,
    /// True if nothing was written into the element that was opened last.
    is_empty: bool,
}

impl XmlWriter {
    /// A document without an element.
    pub(super) fn new() -> Self {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        Self { text, open: Vec::new(), ends_in_text: false, is_empty: false }
    }

    /// Opens an element.
    pub(super) fn open(&mut self, name: &'static str, attributes: &[(&str, &str)]) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        for (attribute, value) in attributes {
            self.text.push_str(&format!(" {attribute}=\""));
            self.push_escaped(value, true);
            self.text.push('"');
        }
        self.text.push('>');
        self.open.push(name);
        self.ends_in_text = false;
        self.is_empty = true;
    }

    /// Writes text into the element that is open.
    pub(super) fn write_text(&mut self, text: &str) {
        self.push_escaped(text, false);
        self.ends_in_text = true;
        self.is_empty &= text.is_empty();
    }

    /// Closes the element that was opened last.
    pub(super) fn close(&mut self) {
        let Some(name) = self.open.pop() else { return };
        if self.is_empty {
            // The `>` of the opening tag.
            self.text.pop();
            self.text.push_str("/>");
        } else {
            if !self.ends_in_text {
                self.indent();
            }
            self.text.push_str(&format!("</{name}>"));
        }
        self.ends_in_text = false;
        self.is_empty = false;
    }

    /// Writes an element with text alone.
    pub(super) fn write_element(
        &mut self,
        name: &'static str,
        attributes: &[(&str, &str)],
        text: &str,
    ) {
        self.open(name, attributes);
        self.write_text(text);
        self.close();
    }

    /// The document, with all elements closed.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text.push('\n');
        self.text
    }

    fn indent(&mut self) {
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text.push_str(&"  ".repeat(self.open.len()));
    }

    fn push_escaped(&mut self, text: &str, in_attribute: bool) {
        for character in text.chars() {
            match character {
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '&' => self.text.push_str("&amp;"),
                '"' if in_attribute => self.text.push_str("&quot;"),
                // A parser makes a space of them in an attribute, and of CR a newline anywhere.
                '\n' | '\t' if in_attribute => self.push_reference(character),
                '\r' => self.push_reference(character),
                character if is_xml_character(character) => self.text.push(character),
                _ => self.text.push(char::REPLACEMENT_CHARACTER),
            }
        }
    }

    fn push_reference(&mut self, character: char) {
        self.text.push_str(&format!("&#{};", u32::from(character)));
    }
}

/// XML 1.0 §2.2: not even a reference may stand for any other character.
fn is_xml_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_forbidden_characters_are_escaped() {
        let mut xml = XmlWriter::new();
        xml.open("a", &[("b", "\"<&>\n\r\u{0}'")]);
        xml.write_element("c", &[], "]]>\u{1b}[31m\r\n\u{ffff}");
        xml.open("d", &[]);
        assert_eq!(
            xml.finish(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <a b=\"&quot;&lt;&amp;&gt;&#10;&#13;\u{fffd}'\">\n  \
             <c>]]&gt;\u{fffd}[31m&#13;\n\u{fffd}</c>\n  <d/>\n</a>\n"
        );
    }
}
