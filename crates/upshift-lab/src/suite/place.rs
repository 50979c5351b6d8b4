//! The place of a key in the text of a suite.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::read::{SuiteFormat, line_and_column};

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

    /// The line and the column of the value, or of the last table on the way to it that exists.
    ///
    /// It is (0, 0) for YAML and JSON, whose parsers keep no places.
    pub(super) fn locate(&self, text: &str, format: SuiteFormat) -> (usize, usize) {
        if format != SuiteFormat::Toml {
            return (0, 0);
        }
        let Ok(root) = DeTable::parse(text) else { return (0, 0) };
        let mut offset = root.span().start;
        let mut table = Some(root.get_ref());
        let mut value: Option<&Spanned<DeValue<'_>>> = None;
        for step in &self.0 {
            let next = match step {
                PathStep::Key(key) => table.and_then(|table| table.get(key.as_str())),
                PathStep::Index(index) => value.and_then(|value| element(value, *index)),
            };
            let Some(next) = next else { break };
            offset = next.span().start;
            table = next.get_ref().as_table();
            value = Some(next);
        }
        line_and_column(text, offset)
    }
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

    #[test]
    fn a_value_is_located() {
        let second = KeyPath::of_case("probe", 1);
        assert_eq!(second.locate(TEXT, SuiteFormat::Toml), (4, 1));
        assert_eq!(second.key("id").locate(TEXT, SuiteFormat::Toml), (5, 6));
        assert_eq!(second.key("expect").key("h2").locate(TEXT, SuiteFormat::Toml), (6, 13));
    }

    #[test]
    fn a_missing_value_has_the_place_of_its_table() {
        let missing = KeyPath::of_case("probe", 1).key("req");
        assert_eq!(missing.locate(TEXT, SuiteFormat::Toml), (4, 1));
        assert_eq!(missing.locate(TEXT, SuiteFormat::Json), (0, 0));
    }
}
