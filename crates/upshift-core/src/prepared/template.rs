//! Text with holes for the values of a request.

use super::encoding::Encoding;
use super::hole::Hole;

/// The expected length of a hole's value, in bytes. Few values are longer than a request ID.
const HOLE_LENGTH: usize = 48;

/// Text with holes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template {
    /// The fixed text without the holes.
    text: String,
    /// The holes, in order.
    holes: Vec<PlacedHole>,
}

#[derive(Clone, Copy, Debug)]
struct PlacedHole {
    /// The offset in the text, in bytes.
    at: usize,
    hole: Hole,
    encoding: Encoding,
}

/// The values that fill the holes.
pub(crate) trait HoleValues {
    /// Appends the value for `hole`, escaped.
    fn push_value(&self, hole: Hole, encoding: Encoding, out: &mut String);
}

/// A part of a template: text, another template, or a hole.
pub(crate) trait TemplatePiece {
    /// Appends this piece to `template`, unescaped.
    fn append_to(self, template: &mut Template);
}

impl Template {
    /// Appends a piece, unescaped.
    pub(crate) fn push(&mut self, piece: impl TemplatePiece) {
        piece.append_to(self);
    }

    /// Appends `other`, with this escaping for its text and its holes.
    pub(crate) fn push_encoded(&mut self, other: &Self, encoding: Encoding) {
        let mut copied = 0;
        for placed in &other.holes {
            encoding.push_text(&other.text[copied..placed.at], &mut self.text);
            self.holes.push(PlacedHole { at: self.text.len(), hole: placed.hole, encoding });
            copied = placed.at;
        }
        encoding.push_text(&other.text[copied..], &mut self.text);
    }

    /// Appends the text to `out`, with `values` in its holes.
    pub(crate) fn fill(&self, values: &impl HoleValues, out: &mut String) {
        let mut copied = 0;
        for placed in &self.holes {
            out.push_str(&self.text[copied..placed.at]);
            values.push_value(placed.hole, placed.encoding, out);
            copied = placed.at;
        }
        out.push_str(&self.text[copied..]);
    }

    /// The text without its holes.
    pub(crate) fn fixed_text(&self) -> &str {
        &self.text
    }

    /// A length that the filled text rarely exceeds.
    pub(crate) fn likely_length(&self) -> usize {
        self.text.len() + self.holes.len() * HOLE_LENGTH
    }

    /// The memory it uses, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.text.len() + self.holes.len() * size_of::<PlacedHole>()
    }
}

impl TemplatePiece for &str {
    fn append_to(self, template: &mut Template) {
        template.text.push_str(self);
    }
}

impl TemplatePiece for &Box<str> {
    fn append_to(self, template: &mut Template) {
        template.text.push_str(self);
    }
}

impl TemplatePiece for &String {
    fn append_to(self, template: &mut Template) {
        template.text.push_str(self);
    }
}

impl TemplatePiece for String {
    fn append_to(self, template: &mut Template) {
        template.text.push_str(&self);
    }
}

impl TemplatePiece for Hole {
    fn append_to(self, template: &mut Template) {
        let at = template.text.len();
        template.holes.push(PlacedHole { at, hole: self, encoding: Encoding::Plain });
    }
}

impl TemplatePiece for &Template {
    fn append_to(self, template: &mut Template) {
        let start = template.text.len();
        for placed in &self.holes {
            template.holes.push(PlacedHole { at: start + placed.at, ..*placed });
        }
        template.text.push_str(&self.text);
    }
}

impl TemplatePiece for Template {
    fn append_to(self, template: &mut Template) {
        (&self).append_to(template);
    }
}

/// A template made of these pieces.
macro_rules! template {
    ($($piece:expr),+ $(,)?) => {{
        let mut template = $crate::prepared::Template::default();
        $(template.push($piece);)+
        template
    }};
}

pub(crate) use template;

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills every hole with the same text.
    struct Same(&'static str);

    impl HoleValues for Same {
        fn push_value(&self, _: Hole, encoding: Encoding, out: &mut String) {
            encoding.push_text(self.0, out);
        }
    }

    #[test]
    fn texts_and_holes_are_escaped_alike_and_once() {
        let sentence = template!["<", Hole::Path, "> & ", Hole::Path];
        let mut page = template!["<p>"];
        page.push_encoded(&sentence, Encoding::Html);
        page.push("</p>");
        let (mut plain, mut html) = (String::new(), String::new());
        sentence.fill(&Same("\"x\""), &mut plain);
        page.fill(&Same("\"x\""), &mut html);
        assert_eq!(plain, "<\"x\"> & \"x\"");
        assert_eq!(html, "<p>&lt;&quot;x&quot;&gt; &amp; &quot;x&quot;</p>");
    }

    #[test]
    fn a_hole_keeps_its_place_in_a_longer_template() {
        let inner = template![Hole::Path, "/"];
        let outer = template!["a ", &inner, inner, "b"];
        let mut out = String::new();
        outer.fill(&Same("-"), &mut out);
        assert_eq!(out, "a -/-/b");
    }
}
