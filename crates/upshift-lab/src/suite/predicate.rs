//! What a suite expects of a text, such as a field value or the output of a client.

use std::collections::BTreeMap;
use std::fmt;

use regex::bytes::Regex;
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::toml_text::toml_string;

/// An expectation of a text, or of all lines of one field.
///
/// In a file it is a string, which must be equal, or a table of predicates, which must all hold.
#[derive(Clone, Debug, Default)]
pub struct TextExpectation {
    predicates: Vec<Predicate>,
}

/// One predicate.
#[derive(Clone, Debug)]
pub enum Predicate {
    /// The text is equal.
    Equals(String),
    /// The text contains this.
    Contains(String),
    /// The text does not contain this.
    Lacks(String),
    /// A comma-separated list has this member, compared without case (RFC 9110 §5.6.1).
    Token(String),
    /// The text matches this regular expression somewhere.
    Matches(Regex),
    /// The number of field lines.
    Count(usize),
}

/// The predicates as a file has them.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct PredicateTable {
    /// The whole text.
    equals: Option<String>,
    /// A part of the text.
    contains: Option<OneOrMany>,
    /// A part that the text must not have.
    lacks: Option<OneOrMany>,
    /// A member of a comma-separated list, compared without case.
    token: Option<OneOrMany>,
    /// A regular expression that matches somewhere in the text.
    matches: Option<String>,
    /// The number of field lines of this name.
    count: Option<usize>,
}

/// A text or several.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl TextExpectation {
    /// Lists the predicates that `lines` do not meet, each in words.
    ///
    /// `lines` are the values of all field lines of one name, or one text. No line at all meets
    /// only `count = 0`.
    pub fn unmet(&self, lines: &[&[u8]]) -> Vec<String> {
        let joined = lines.join(&b", "[..]);
        let mut unmet = Vec::new();
        for predicate in &self.predicates {
            if !predicate.holds(lines, &joined) {
                unmet.push(predicate.to_string());
            }
        }
        unmet
    }

    /// The expectation of an equal text.
    pub fn equal_to(text: &str) -> Self {
        Self::of(Predicate::Equals(text.to_owned()))
    }

    /// The expectation of one predicate.
    pub fn of(predicate: Predicate) -> Self {
        Self { predicates: vec![predicate] }
    }

    /// Adds the predicates of `other`; `None`, and no change, if a suite could not write both: it
    /// has one `equals`, one `matches` and one `count`.
    pub(super) fn add(&mut self, other: Self) -> Option<()> {
        for predicate in &other.predicates {
            let may_repeat = matches!(
                predicate,
                Predicate::Contains(_) | Predicate::Lacks(_) | Predicate::Token(_)
            );
            let key = std::mem::discriminant(predicate);
            let has_one = self.predicates.iter().any(|own| std::mem::discriminant(own) == key);
            if has_one && !may_repeat {
                return None;
            }
        }
        self.predicates.extend(other.predicates);
        Some(())
    }

    /// The expectation as a suite writes it: a string, or an inline table.
    pub(super) fn to_toml(&self) -> String {
        if let [Predicate::Equals(text)] = self.predicates.as_slice() {
            return toml_string(text);
        }
        let mut values: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for predicate in &self.predicates {
            let (key, value) = match predicate {
                Predicate::Equals(text) => ("equals", toml_string(text)),
                Predicate::Contains(part) => ("contains", toml_string(part)),
                Predicate::Lacks(part) => ("lacks", toml_string(part)),
                Predicate::Token(token) => ("token", toml_string(token)),
                Predicate::Matches(pattern) => ("matches", toml_string(pattern.as_str())),
                Predicate::Count(count) => ("count", count.to_string()),
            };
            values.entry(key).or_default().push(value);
        }
        let mut pairs = Vec::new();
        for (key, values) in values {
            pairs.push(match values.as_slice() {
                [value] => format!("{key} = {value}"),
                values => format!("{key} = [{}]", values.join(", ")),
            });
        }
        format!("{{ {} }}", pairs.join(", "))
    }
}

impl Predicate {
    fn holds(&self, lines: &[&[u8]], joined: &[u8]) -> bool {
        if let Self::Count(count) = self {
            return lines.len() == *count;
        }
        if lines.is_empty() {
            return false;
        }
        match self {
            Self::Equals(text) => joined == text.as_bytes(),
            Self::Contains(part) => contains(joined, part),
            Self::Lacks(part) => !contains(joined, part),
            Self::Token(token) => has_token(joined, token),
            Self::Matches(pattern) => pattern.is_match(joined),
            Self::Count(_) => true,
        }
    }
}

fn contains(text: &[u8], part: &str) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part.as_bytes())
}

fn has_token(list: &[u8], token: &str) -> bool {
    let mut members = list.split(|octet| *octet == b',');
    members.any(|member| member.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equals(text) => write!(f, "`{text}`"),
            Self::Contains(part) => write!(f, "a text with `{part}`"),
            Self::Lacks(part) => write!(f, "a text without `{part}`"),
            Self::Token(token) => write!(f, "the member `{token}`"),
            Self::Matches(pattern) => write!(f, "a text that matches `{pattern}`"),
            Self::Count(1) => f.write_str("1 line"),
            Self::Count(count) => write!(f, "{count} lines"),
        }
    }
}

impl<'de> Deserialize<'de> for TextExpectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExpectationVisitor)
    }
}

struct ExpectationVisitor;

impl<'de> Visitor<'de> for ExpectationVisitor {
    type Value = TextExpectation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, or a table with equals, contains, lacks, token, matches or count")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<TextExpectation, E> {
        Ok(TextExpectation::equal_to(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TextExpectation, A::Error> {
        let table = PredicateTable::deserialize(MapAccessDeserializer::new(map))?;
        table.into_expectation().map_err(de::Error::custom)
    }
}

impl PredicateTable {
    fn into_expectation(self) -> Result<TextExpectation, String> {
        let mut predicates = Vec::new();
        predicates.extend(self.equals.map(Predicate::Equals));
        for part in list_texts(self.contains) {
            predicates.push(Predicate::Contains(part));
        }
        for part in list_texts(self.lacks) {
            predicates.push(Predicate::Lacks(part));
        }
        for token in list_texts(self.token) {
            predicates.push(Predicate::Token(token));
        }
        if let Some(pattern) = self.matches {
            let regex = Regex::new(&pattern).map_err(|error| format!("`matches`: {error}"))?;
            predicates.push(Predicate::Matches(regex));
        }
        predicates.extend(self.count.map(Predicate::Count));
        if predicates.is_empty() {
            return Err("an empty table expects nothing; name a predicate".to_owned());
        }
        Ok(TextExpectation { predicates })
    }
}

fn list_texts(texts: Option<OneOrMany>) -> Vec<String> {
    match texts {
        None => Vec::new(),
        Some(OneOrMany::One(text)) => vec![text],
        Some(OneOrMany::Many(texts)) => texts,
    }
}

impl schemars::JsonSchema for TextExpectation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TextExpectation".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let table = generator.subschema_for::<PredicateTable>();
        schemars::json_schema!({
            "description": "A string, which must be equal, or a table of predicates, which must all hold.",
            "anyOf": [{ "type": "string" }, table],
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    #[derive(Deserialize)]
    struct Holder {
        expect: TextExpectation,
    }

    fn parse(text: &str) -> Result<TextExpectation, String> {
        let holder: Result<Holder, _> = toml::from_str(&format!("expect = {text}"));
        holder.map(|holder| holder.expect).map_err(|error| error.to_string())
    }

    fn unmet(text: &str, lines: &[&str]) -> Vec<String> {
        let octets: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        parse(text).unwrap().unmet(&octets)
    }

    #[test]
    fn each_predicate_holds_and_fails() {
        let rows: [(&str, &[&str], &[&str]); 6] = [
            ("'h2c'", &["h2c"], &["H2C"]),
            ("{ contains = 'h2' }", &["h2c"], &["websocket"]),
            ("{ lacks = 'h2' }", &["websocket"], &["h2c"]),
            ("{ token = 'upgrade' }", &["close, Upgrade"], &["upgrades"]),
            ("{ matches = '^TLS/1[.][23]$' }", &["TLS/1.2"], &["TLS/1.1"]),
            ("{ count = 2 }", &["a", "b"], &["a, b"]),
        ];
        for (text, good, bad) in rows {
            assert_eq!(unmet(text, good), Vec::<String>::new(), "{text}");
            assert_eq!(unmet(text, bad).len(), 1, "{text}");
        }
    }

    #[test]
    fn an_absent_field_meets_only_a_count_of_zero() {
        assert_eq!(unmet("{ count = 0 }", &[]), Vec::<String>::new());
        assert_eq!(unmet("{ lacks = 'a' }", &[]), ["a text without `a`"]);
        assert_eq!(unmet("''", &[]), ["``"]);
    }

    #[test]
    fn several_lines_are_one_list() {
        assert_eq!(unmet("{ token = ['a', 'b'] }", &["a", "b"]), Vec::<String>::new());
    }

    #[test]
    fn mistakes_are_named() {
        let error = parse("{ contain = 'a' }").unwrap_err();
        assert!(error.contains("unknown field `contain`, expected one of `equals`"), "{error}");
        assert!(parse("{ matches = '(' }").unwrap_err().contains("unclosed group"));
        assert!(parse("{}").unwrap_err().contains("an empty table expects nothing"));
        assert!(parse("426").unwrap_err().contains("expected a string, or a table with equals"));
    }
}
