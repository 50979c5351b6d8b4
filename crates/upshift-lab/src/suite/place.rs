//! The place of a key in the text of a suite.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::line_index::LineIndex;
use super::located_value::LocatedValue;
use super::read::{SuiteFormat, to_usize};

/// One step of the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PathStep {
    /// A key of a table.
    Key(String),
    /// A place in a list, from 0.
    Index(usize),
}

/// The way to a value, from the root of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeyPath(Vec<PathStep>);

impl KeyPath {
    /// The element `index` of the list of tables `key`.
    pub(super) fn of_case(key: &str, index: usize) -> Self {
        Self(vec![PathStep::Key(key.to_owned()), PathStep::Index(index)])
    }

    /// The way on to `key`.
    pub(super) fn key(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(PathStep::Key(key.to_owned()));
        Self(steps)
    }

    /// The way on to an element of a list.
    pub(super) fn index(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(PathStep::Index(index));
        Self(steps)
    }
}

/// The text of a suite, parsed with the places of its values.
pub(super) enum SuitePlaces<'t> {
    /// TOML, and its lines.
    Toml(Option<Spanned<DeTable<'t>>>, LineIndex<'t>),
    /// YAML or JSON.
    Yaml(Option<serde_saphyr::Spanned<LocatedValue>>),
}

impl<'t> SuitePlaces<'t> {
    /// Parses a text once, for all places that are looked up in it.
    pub(super) fn parse(text: &'t str, format: SuiteFormat) -> Self {
        match format {
            SuiteFormat::Toml => Self::Toml(DeTable::parse(text).ok(), LineIndex::of(text)),
            SuiteFormat::Yaml | SuiteFormat::Json => Self::Yaml(LocatedValue::parse(text)),
        }
    }

    /// The line and the column of a value, or of the last one on the way to it that exists. It is
    /// (0, 0) if the text cannot be read at all.
    pub(super) fn locate(&self, path: &KeyPath) -> (usize, usize) {
        match self {
            Self::Toml(Some(root), lines) => lines.locate(offset_in_toml(root, path)),
            Self::Yaml(Some(root)) => locate_in_yaml(root, path),
            Self::Toml(None, _) | Self::Yaml(None) => (0, 0),
        }
    }
}

fn locate_in_yaml(root: &serde_saphyr::Spanned<LocatedValue>, path: &KeyPath) -> (usize, usize) {
    let mut value = root;
    for step in &path.0 {
        let next = match step {
            PathStep::Key(key) => value.value.get(key),
            PathStep::Index(index) => value.value.element(*index),
        };
        let Some(next) = next else { break };
        value = next;
    }
    (to_usize(value.referenced.line()), to_usize(value.referenced.column()))
}

fn offset_in_toml(root: &Spanned<DeTable<'_>>, path: &KeyPath) -> usize {
    let mut offset = root.span().start;
    let mut table = Some(root.get_ref());
    let mut value: Option<&Spanned<DeValue<'_>>> = None;
    for step in &path.0 {
        let next = match step {
            PathStep::Key(key) => table.and_then(|table| table.get(key.as_str())),
            PathStep::Index(index) => value.and_then(|value| element(value, *index)),
        };
        let Some(next) = next else { break };
        offset = next.span().start;
        table = next.get_ref().as_table();
        value = Some(next);
    }
    offset
}

fn element<'v, 'i>(
    list: &'v Spanned<DeValue<'i>>,
    index: usize,
) -> Option<&'v Spanned<DeValue<'i>>> {
    list.get_ref().as_array()?.get(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "suite = 'a'\n[[probe]]\nid = 'a'\n[[probe]]\nid = 'b'\nexpect.h2 = {}\n";

    fn place(text: &str, format: SuiteFormat, path: &KeyPath) -> (usize, usize) {
        SuitePlaces::parse(text, format).locate(path)
    }

    #[test]
    fn a_value_is_located() {
        let second = KeyPath::of_case("probe", 1);
        assert_eq!(place(TEXT, SuiteFormat::Toml, &second), (4, 1));
        assert_eq!(place(TEXT, SuiteFormat::Toml, &second.key("id")), (5, 6));
        assert_eq!(place(TEXT, SuiteFormat::Toml, &second.key("expect").key("h2")), (6, 13));
    }

    #[test]
    fn a_value_is_located_in_yaml_and_json() {
        let yaml = "suite: a\nprobe:\n  - id: a\n    expect: { h2: {} }\n  - id: b\n";
        let json = "{\"suite\": \"a\", \"probe\": [\n{\"id\": \"a\",\n\t\"expect\": {}},\n{\"id\": \"b\"}]}";
        let second = KeyPath::of_case("probe", 1);
        assert_eq!(place(yaml, SuiteFormat::Yaml, &second.key("id")), (5, 9));
        assert_eq!(place(json, SuiteFormat::Json, &second.key("id")), (4, 8));
        let expected = KeyPath::of_case("probe", 0).key("expect").key("h2");
        assert_eq!(place(yaml, SuiteFormat::Yaml, &expected), (4, 19));
        assert_eq!(place(json, SuiteFormat::Json, &second.key("req")), (4, 1));
        assert_eq!(place("a: [", SuiteFormat::Yaml, &second), (0, 0));
    }

    #[test]
    fn a_missing_value_has_the_place_of_its_table() {
        let missing = KeyPath::of_case("probe", 1).key("req");
        assert_eq!(place(TEXT, SuiteFormat::Toml, &missing), (4, 1));
    }
}
