//! `protocol = protocol-name ["/" protocol-version]` (RFC 9110 §7.8).

use std::fmt;

use super::token::is_token;

/// A protocol as `Upgrade` names it: a name and usually a version. Both are tokens.
///
/// Names compare without case (RFC 9110 §7.8: "Recipients SHOULD use case-insensitive comparison
/// when matching each protocol-name"), versions exactly.
#[derive(Clone, Debug)]
pub struct Protocol {
    name: Box<str>,
    version: Option<Box<str>>,
}

/// An error in a text that should be a [`Protocol`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The name is empty or has a character that a token cannot have.
    Name,
    /// The version is empty or has a character that a token cannot have.
    Version,
}

impl Protocol {
    /// Makes a protocol of a name and an optional version.
    ///
    /// # Errors
    /// If one of them is not a token (RFC 9110 §5.6.2).
    pub fn new(name: &str, version: Option<&str>) -> Result<Self, ProtocolError> {
        if !is_token(name) {
            return Err(ProtocolError::Name);
        }
        if let Some(version) = version
            && !is_token(version)
        {
            return Err(ProtocolError::Version);
        }
        Ok(Self { name: name.into(), version: version.map(Into::into) })
    }

    /// Reads `name` or `name/version`.
    ///
    /// # Errors
    /// If the name or the version is not a token.
    pub fn parse(text: &str) -> Result<Self, ProtocolError> {
        match text.split_once('/') {
            Some((name, version)) => Self::new(name, Some(version)),
            None => Self::new(text, None),
        }
    }

    /// `HTTP/1.1`.
    pub(super) fn http11() -> Self {
        Self { name: "HTTP".into(), version: Some("1.1".into()) }
    }

    /// The name, in the case it was written in.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, if there is one.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Returns true if the protocol is called `name`, in any version.
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
        let part = match self {
            Self::Name => "name",
            Self::Version => "version, after the one \"/\",",
        };
        write!(f, "a protocol's {part} is one or more of A-Z a-z 0-9 ! # $ % & ' * + - . ^ _ ` | ~")
    }
}

impl std::error::Error for ProtocolError {}
