//! Filters of cases: `lane(h3) & !kind(client)`, or a part of an address.
//!
//! `lane(NAME)`, `id(NAME)`, `suite(NAME)` and `kind(probe|client|lint)` compare one part, in which
//! `*` stands for any characters. `all()` fits every case. `!` binds tighter than `&`, and `&`
//! tighter than `|`; parentheses group. Anything else is a part of an address.

use upshift_record::Lane;
use upshift_record::suite::{CaseAddress, CaseKind};

use super::plan::PlannedCase;
use super::read::nearest_name;

/// The kinds of cases.
const KINDS: [CaseKind; 3] = [CaseKind::Probe, CaseKind::Client, CaseKind::Lint];

/// A filter of cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseFilter {
    /// Every case.
    All,
    /// The lane.
    Lane(String),
    /// The id.
    Id(String),
    /// The path of the suite.
    Suite(String),
    /// The kind: `probe`, `client` or `lint`.
    Kind(String),
    /// A part of the address.
    Address(String),
    /// One case.
    Case(CaseAddress),
    /// The cases that do not fit.
    Not(Box<CaseFilter>),
    /// The cases that fit both.
    And(Box<CaseFilter>, Box<CaseFilter>),
    /// The cases that fit one of both.
    Or(Box<CaseFilter>, Box<CaseFilter>),
}

/// A text that is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a filter: {why}; write for example `lane(h3) & !kind(client)`")]
pub struct FilterError {
    text: String,
    why: String,
}

impl CaseFilter {
    /// Parses a filter expression.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let fail = |why: String| FilterError { text: text.to_owned(), why };
        let mut parser = FilterParser { rest: text };
        let filter = parser.parse_or().map_err(fail)?;
        parser.skip_space();
        if parser.rest.is_empty() {
            return Ok(filter);
        }
        let why = format!("`{}` follows it", parser.rest);
        Err(FilterError { text: text.to_owned(), why })
    }

    /// The cases with `part` in their addresses.
    pub fn by_address(part: &str) -> Self {
        Self::Address(part.to_owned())
    }

    /// Returns true if `case` fits.
    pub fn fits(&self, case: &PlannedCase) -> bool {
        match self {
            Self::All => true,
            Self::Lane(pattern) => {
                case.address.lane.is_some_and(|lane| fits_pattern(pattern, lane.as_str()))
            }
            Self::Id(pattern) => fits_pattern(pattern, &case.address.id),
            Self::Suite(pattern) => fits_pattern(pattern, &case.address.suite),
            Self::Kind(pattern) => fits_pattern(pattern, case.action.kind().as_str()),
            Self::Address(part) => case.address.to_string().contains(part.as_str()),
            Self::Case(address) => case.address == *address,
            Self::Not(filter) => !filter.fits(case),
            Self::And(first, second) => first.fits(case) && second.fits(case),
            Self::Or(first, second) => first.fits(case) || second.fits(case),
        }
    }
}

/// Checks that `pattern` fits one of the names that there are.
fn check_listed<const N: usize>(what: &str, pattern: &str, names: [&str; N]) -> Result<(), String> {
    if names.iter().any(|name| fits_pattern(pattern, name)) {
        return Ok(());
    }
    Err(match nearest_name(pattern, names) {
        Some(nearest) => format!("`{pattern}` is not a {what}; did you mean `{nearest}`?"),
        None => format!("`{pattern}` is not a {what}; there are {}", names.join(", ")),
    })
}

/// Returns true if `text` fits `pattern`, in which `*` stands for any characters.
pub(super) fn fits_pattern(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(place) = text.find(part) else { return false };
        text = &text[place + part.len()..];
    }
    text.ends_with(end)
}

struct FilterParser<'t> {
    rest: &'t str,
}

impl FilterParser<'_> {
    fn parse_or(&mut self) -> Result<CaseFilter, String> {
        let mut filter = self.parse_and()?;
        while self.take("|") {
            filter = CaseFilter::Or(Box::new(filter), Box::new(self.parse_and()?));
        }
        Ok(filter)
    }

    fn parse_and(&mut self) -> Result<CaseFilter, String> {
        let mut filter = self.parse_not()?;
        while self.take("&") {
            filter = CaseFilter::And(Box::new(filter), Box::new(self.parse_not()?));
        }
        Ok(filter)
    }

    fn parse_not(&mut self) -> Result<CaseFilter, String> {
        if self.take("!") {
            return Ok(CaseFilter::Not(Box::new(self.parse_not()?)));
        }
        if self.take("(") {
            let filter = self.parse_or()?;
            return if self.take(")") { Ok(filter) } else { Err("`)` is missing".to_owned()) };
        }
        self.parse_predicate()
    }

    fn parse_predicate(&mut self) -> Result<CaseFilter, String> {
        self.skip_space();
        let end = self.rest.find(|c: char| " ()&|!".contains(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() {
            return Err("a predicate is missing".to_owned());
        }
        self.rest = rest;
        let Some(inner) = rest.strip_prefix('(') else {
            return Ok(CaseFilter::by_address(word));
        };
        let (argument, rest) = inner.split_once(')').ok_or("`)` is missing")?;
        self.rest = rest;
        let argument = argument.trim().to_owned();
        match word {
            "all" if argument.is_empty() => Ok(CaseFilter::All),
            "lane" => {
                check_listed("lane", &argument, Lane::ALL.map(Lane::as_str))?;
                Ok(CaseFilter::Lane(argument))
            }
            "id" => Ok(CaseFilter::Id(argument)),
            "suite" => Ok(CaseFilter::Suite(argument)),
            "kind" => {
                check_listed("kind", &argument, KINDS.map(CaseKind::as_str))?;
                Ok(CaseFilter::Kind(argument))
            }
            _ => Err(format!("`{word}({argument})` is not all(), lane(), id(), suite() or kind()")),
        }
    }

    fn take(&mut self, sign: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;
    use crate::suite::{SuiteFormat, plan_suite};

    const SUITE: &str = "
        target = 'http://127.0.0.1:1'
        tls-target = 'https://127.0.0.1:1'
        [[probe]]
        id = 'orders'
        req = 'GET /'
        lanes = ['h1.0', 'h1.1', 'h3']
        expect.'*' = { status = 426 }
        [[client]]
        id = 'curl'
        run = ['curl', '{url}']
        scenario = 'bare-426'
        expect.exit = 0
    ";

    fn chosen(filter: &str) -> Vec<String> {
        let plan = plan_suite("a.toml", SUITE, SuiteFormat::Toml, &|_| None).unwrap();
        let filter = CaseFilter::parse(filter).unwrap();
        let cases = plan.cases.iter().filter(|case| filter.fits(case));
        cases.map(|case| case.address.to_string().replace("a.toml::", "")).collect()
    }

    #[test]
    fn filters_choose_cases() {
        let rows: [(&str, &[&str]); 8] = [
            ("all()", &["orders[h1.0]", "orders[h1.1]", "orders[h3]", "curl"]),
            ("lane(h1.*)", &["orders[h1.0]", "orders[h1.1]"]),
            ("lane(h3) | kind(client)", &["orders[h3]", "curl"]),
            ("!lane(h3) & kind(probe)", &["orders[h1.0]", "orders[h1.1]"]),
            ("!(lane(h3) | kind(client))", &["orders[h1.0]", "orders[h1.1]"]),
            ("orders[h1.1]", &["orders[h1.1]"]),
            ("id(c*l)", &["curl"]),
            ("suite(b*)", &[]),
        ];
        for (filter, expected) in rows {
            assert_eq!(chosen(filter), expected, "{filter}");
        }
    }

    #[test]
    fn a_broken_filter_says_what_is_wrong() {
        let rows = [
            ("lane(h3", "`)` is missing"),
            ("lane(h3) &", "a predicate is missing"),
            ("port(1)", "is not all(), lane(), id(), suite() or kind()"),
            ("a b", "`b` follows it"),
            ("(a", "`)` is missing"),
            ("kind(clent) | id(bad)", "did you mean `client`?"),
            ("lane(h9)", "is not a lane"),
            ("!lane(q*)", "there are h1.0, h1.1"),
        ];
        for (text, why) in rows {
            let error = CaseFilter::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
