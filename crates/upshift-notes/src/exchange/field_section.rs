//! The field section of one message.

use upshift_core::field::{ConnectionOptions, Protocol, UpgradeList, UpgradeListError};
use upshift_core::field::{list_elements, token_elements};
use upshift_core::{Fields, HttpVersion};
use upshift_record::{MessagePlace, RecordedField};

/// The fields of a message, with its place in the exchange and its version of HTTP.
///
/// Names of fields are given in lower case.
pub(crate) struct FieldSection<'e> {
    pub(crate) place: MessagePlace,
    /// The version of HTTP; `None` if it is not known.
    pub(crate) version: Option<HttpVersion>,
    lines: &'e [RecordedField],
}

impl<'e> FieldSection<'e> {
    pub(crate) fn new(place: MessagePlace, version: &str, lines: &'e [RecordedField]) -> Self {
        Self { place, version: HttpVersion::parse(version), lines }
    }

    /// Returns true over HTTP/1.0 and HTTP/1.1.
    pub(crate) fn is_http1(&self) -> bool {
        matches!(self.version, Some(HttpVersion::V1_0 | HttpVersion::V1_1))
    }

    /// Returns true over HTTP/2 and HTTP/3.
    pub(crate) fn is_multiplexed(&self) -> bool {
        self.version.is_some_and(HttpVersion::is_multiplexed)
    }

    /// Returns true if there is a field `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.nth(name, 0).is_some()
    }

    /// The values of the lines of the field `name`, each as text.
    pub(crate) fn line_texts(&self, name: &str) -> Vec<String> {
        self.values(name).into_iter().map(text_of).collect()
    }

    /// The value of the field `name` as text, its lines joined by `, `; `None` if it is absent.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let lines = self.line_texts(name);
        if lines.is_empty() { None } else { Some(lines.join(", ")) }
    }

    /// The members of the field `name` as a list in which commas inside quotes do not separate.
    pub(crate) fn members(&self, name: &str) -> Vec<String> {
        list_elements(self.values(name).into_iter()).map(text_of).collect()
    }

    /// The members of the field `name` as a list of tokens, in lower case.
    pub(crate) fn tokens(&self, name: &str) -> Vec<String> {
        let members = token_elements(self.values(name).into_iter());
        members.map(|member| text_of(member).to_ascii_lowercase()).collect()
    }

    /// The options of `Connection`.
    pub(crate) fn connection(&self) -> ConnectionOptions {
        ConnectionOptions::from_fields(self)
    }

    /// The members of `Upgrade` as a list; `None` if there is no such field.
    pub(crate) fn upgrade(&self) -> Option<Result<UpgradeList, UpgradeListError>> {
        if self.has("upgrade") {
            Some(UpgradeList::parse(self.values("upgrade").into_iter()))
        } else {
            None
        }
    }

    /// The members of `Upgrade` that are well-formed.
    pub(crate) fn protocols(&self) -> Vec<Protocol> {
        let mut protocols = Vec::new();
        for member in self.members("upgrade") {
            protocols.extend(Protocol::parse(&member));
        }
        protocols
    }
}

impl Fields for FieldSection<'_> {
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
        let mut lines = self.lines.iter().filter(|line| line.0.eq_ignore_ascii_case(name));
        let RecordedField(_, value) = lines.nth(index)?;
        Some(value.as_bytes())
    }

    fn values<'f>(&'f self, name: &str) -> Vec<&'f [u8]> {
        let mut values = Vec::new();
        for RecordedField(line, value) in self.lines {
            if line.eq_ignore_ascii_case(name) {
                values.push(value.as_bytes());
            }
        }
        values
    }
}

/// Octets as text: UTF-8 where it is that, else one character per octet.
fn text_of(octets: &[u8]) -> String {
    match std::str::from_utf8(octets) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => octets.iter().copied().map(char::from).collect(),
    }
}
