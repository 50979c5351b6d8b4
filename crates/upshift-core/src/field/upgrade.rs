//! `Upgrade = #protocol` (RFC 9110 §7.8).

use std::fmt;

use super::list::{LIST_LIMIT, list_elements};
use super::protocol::{Protocol, ProtocolError};

/// The protocols of an `Upgrade` field, at least one, in the order sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeList(Vec<Protocol>);

/// An error in field lines that should be an [`UpgradeList`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpgradeListError {
    /// There is no line, or only empty elements: such a field names nothing.
    Empty,
    /// An element is not a protocol.
    Malformed(ProtocolError),
    /// There are more than 64 elements.
    TooLong,
}

impl UpgradeList {
    /// Reads all `Upgrade` lines as one list. Filters that looked at single lines have let `h2c`
    /// through.
    ///
    /// # Errors
    /// If the lines name nothing or too much, or if an element is malformed. In that case no part
    /// of the field can be trusted.
    pub fn parse<'v>(lines: impl Iterator<Item = &'v [u8]>) -> Result<Self, UpgradeListError> {
        let mut protocols = Vec::new();
        for element in list_elements(lines) {
            // `new` compares the members with each other, so the time is quadratic in their number.
            if protocols.len() == LIST_LIMIT {
                return Err(UpgradeListError::TooLong);
            }
            protocols.push(parse_element(element).map_err(UpgradeListError::Malformed)?);
        }
        Self::new(protocols).ok_or(UpgradeListError::Empty)
    }

    /// Makes a list of protocols in order of preference; `None` if there are none. A protocol that
    /// occurs again is left out.
    pub fn new(protocols: Vec<Protocol>) -> Option<Self> {
        let mut distinct: Vec<Protocol> = Vec::with_capacity(protocols.len());
        for protocol in protocols {
            if !distinct.contains(&protocol) {
                distinct.push(protocol);
            }
        }
        if distinct.is_empty() { None } else { Some(Self(distinct)) }
    }

    /// `HTTP/1.1` alone, which every recipient of the field can speak.
    pub(crate) fn http11() -> Self {
        Self(vec![Protocol::http11()])
    }

    /// The protocols, the preferred one first.
    pub fn protocols(&self) -> &[Protocol] {
        &self.0
    }

    /// Returns true if `wanted` is in the list.
    pub fn contains(&self, wanted: &Protocol) -> bool {
        self.0.contains(wanted)
    }

    /// Returns true if a protocol called `name` is in the list, in any version.
    pub fn contains_name(&self, name: &str) -> bool {
        self.0.iter().any(|protocol| protocol.is_named(name))
    }
}

fn parse_element(element: &[u8]) -> Result<Protocol, ProtocolError> {
    match std::str::from_utf8(element) {
        Ok(text) => Protocol::parse(text),
        // Tokens are ASCII, so neither the name nor the version may have such bytes.
        Err(_) => Err(ProtocolError::Name),
    }
}

/// Writes the field value.
impl fmt::Display for UpgradeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // RFC 9110 §5.6.1.1: "a sender MUST NOT generate empty list elements".
        for (index, protocol) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{protocol}")?;
        }
        Ok(())
    }
}

impl fmt::Display for UpgradeListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the Upgrade field names no protocol"),
            Self::Malformed(error) => write!(f, "the Upgrade field is malformed: {error}"),
            Self::TooLong => write!(f, "the Upgrade field names more than {LIST_LIMIT} protocols"),
        }
    }
}

impl std::error::Error for UpgradeListError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(lines: &[&str]) -> Result<UpgradeList, UpgradeListError> {
        UpgradeList::parse(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn legal_and_illegal_elements() {
        for legal in ["API/2.0", "myapp/5.1.0-rc.1", "a/1+build", "h2c", "HTTP/2"] {
            assert!(parse(&[legal]).is_ok(), "{legal}");
        }
        for illegal in ["api-version=2.0", "API 2.0", "API/2/0", "\"x\"", "/2", "a/", "é"] {
            assert!(matches!(parse(&[illegal]), Err(UpgradeListError::Malformed(_))), "{illegal}");
        }
        assert_eq!(parse(&[" , ,"]), Err(UpgradeListError::Empty));
        assert_eq!(parse(&[&"a, ".repeat(65)]), Err(UpgradeListError::TooLong));
    }

    #[test]
    fn lines_are_read_jointly_and_names_without_case() {
        let list = parse(&["foo, H2C", "bar"]).ok();
        assert!(list.is_some_and(|list| list.contains_name("h2c") && list.contains_name("bar")));
        assert_eq!(Protocol::parse("WebSocket"), Protocol::parse("websocket"));
        assert_ne!(Protocol::parse("TLS/1.2"), Protocol::parse("TLS/1.3"));
    }

    const PROTOCOL: &str = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,9}(/[!#$%&'*+.^_`|~0-9A-Za-z-]{1,9})?";

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            names in proptest::collection::vec(PROTOCOL, 1..9)
        ) {
            let list = parse(&names.iter().map(String::as_str).collect::<Vec<_>>());
            let list = list.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(parse(&[&list.to_string()]), Ok(list));
        }

        #[test]
        fn no_bytes_make_it_panic(line in proptest::collection::vec(any::<u8>(), 0..99)) {
            let _ = UpgradeList::parse([line.as_slice()].into_iter());
        }
    }
}
