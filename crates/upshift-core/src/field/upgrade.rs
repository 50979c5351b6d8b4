//! `Upgrade = #protocol`, `protocol = protocol-name ["/" protocol-version]` (RFC 9110 §7.8).

use std::fmt;

use super::{LIST_LIMIT, is_token, list_elements};

/// One protocol: a name and, mostly, a version. Both are tokens.
///
/// Names compare without case (RFC 9110 §7.8: "Recipients SHOULD use case-insensitive comparison
/// when matching each protocol-name"), versions exactly.
#[derive(Clone, Debug)]
pub struct Protocol {
    name: Box<str>,
    version: Option<Box<str>>,
}

/// The fault of a text that is no [`Protocol`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The name is empty or has a character that no token may have.
    Name,
    /// The version is empty or has a character that no token may have.
    Version,
}

impl Protocol {
    /// From a name and perhaps a version.
    ///
    /// # Errors
    /// If one of them is not a token (RFC 9110 §5.6.2).
    pub fn new(name: &str, version: Option<&str>) -> Result<Self, ProtocolError> {
        if !is_token(name) {
            return Err(ProtocolError::Name);
        }
        if version.is_some_and(|version| !is_token(version)) {
            return Err(ProtocolError::Version);
        }
        Ok(Self { name: name.into(), version: version.map(Into::into) })
    }

    /// Reads `name` or `name/version`.
    ///
    /// # Errors
    /// If it is not of that form.
    pub fn parse(text: &str) -> Result<Self, ProtocolError> {
        match text.split_once('/') {
            Some((name, version)) => Self::new(name, Some(version)),
            None => Self::new(text, None),
        }
    }

    /// The name, in the case it was written in.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, if there is one.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Tells whether this is the protocol called `name`, in any version.
    pub fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

impl PartialEq for Protocol {
    fn eq(&self, other: &Self) -> bool {
        self.is_named(&other.name) && self.version == other.version
    }
}

impl Eq for Protocol {}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.version {
            Some(version) => write!(f, "/{version}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "a protocol's name is one or more of A-Z a-z 0-9 ! # $ % & ' * + - . ^ _ ` | ~",
            Self::Version => {
                "a protocol's version, after the one \"/\", is one or more of A-Z a-z 0-9 ! # $ % & ' * + - . ^ _ ` | ~"
            }
        })
    }
}

impl std::error::Error for ProtocolError {}

/// The protocols of an `Upgrade` field, at least one, in the order sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeList(Vec<Protocol>);

/// The fault of field lines that are no [`UpgradeList`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpgradeListError {
    /// No line, or nothing but empty elements: such a field names nothing.
    Empty,
    /// An element is not a protocol.
    Malformed(ProtocolError),
    /// There are more than [`LIST_LIMIT`] elements.
    TooLong,
}

impl UpgradeList {
    /// Reads all `Upgrade` lines jointly. Looking at lines one by one is how `h2c` once slipped
    /// past a filter.
    ///
    /// # Errors
    /// If they name nothing, name too much, or an element is malformed: then nothing of the field
    /// is to be believed.
    pub fn parse<'v>(lines: impl Iterator<Item = &'v [u8]>) -> Result<Self, UpgradeListError> {
        let mut protocols = Vec::new();
        for element in list_elements(lines) {
            if protocols.len() == LIST_LIMIT {
                return Err(UpgradeListError::TooLong);
            }
            protocols.push(protocol(element).map_err(UpgradeListError::Malformed)?);
        }
        Self::new(protocols).ok_or(UpgradeListError::Empty)
    }

    /// From protocols in order of preference; `None` if there are none. Later repetitions are left
    /// out.
    pub fn new(protocols: Vec<Protocol>) -> Option<Self> {
        let mut distinct: Vec<Protocol> = Vec::with_capacity(protocols.len());
        for protocol in protocols {
            if !distinct.contains(&protocol) {
                distinct.push(protocol);
            }
        }
        (!distinct.is_empty()).then_some(Self(distinct))
    }

    /// `HTTP/1.1` alone: what every peer that reads the field can speak.
    pub fn http11() -> Self {
        Self(vec![Protocol { name: "HTTP".into(), version: Some("1.1".into()) }])
    }

    /// The protocols, the most wanted first.
    pub fn protocols(&self) -> &[Protocol] {
        &self.0
    }

    /// Tells whether `wanted` is named.
    pub fn contains(&self, wanted: &Protocol) -> bool {
        self.0.contains(wanted)
    }

    /// Tells whether a protocol called `name` is named, in any version.
    pub fn contains_name(&self, name: &str) -> bool {
        self.0.iter().any(|protocol| protocol.is_named(name))
    }
}

fn protocol(element: &[u8]) -> Result<Protocol, ProtocolError> {
    let text = std::str::from_utf8(element).map_err(|_| ProtocolError::Name)?;
    Protocol::parse(text)
}

/// As a field value; never with an empty element (RFC 9110 §5.6.1.1).
impl fmt::Display for UpgradeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

    proptest! {
        #[test]
        fn what_is_written_is_read_back(names in proptest::collection::vec("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,9}(/[!#$%&'*+.^_`|~0-9A-Za-z-]{1,9})?", 1..9)) {
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
