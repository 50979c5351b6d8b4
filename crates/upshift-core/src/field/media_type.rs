//! `media-type = type "/" subtype parameters` (RFC 9110 §8.3.1).

use std::borrow::Cow;

use super::quotes::QuoteScanner;
use super::token::is_token;

/// A media type or media range whose parts are borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaType<'v> {
    /// `type/subtype`, in the case that was sent.
    pub essence: &'v str,
    /// The text after the first `;`. Its quoted strings are closed.
    parameters: &'v str,
}

impl<'v> MediaType<'v> {
    /// Reads a media type; `None` if it is not `type/subtype` with a token on both sides, or if a
    /// quoted string is not closed.
    pub fn parse(text: &'v str) -> Option<Self> {
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let media = Self { essence: essence.trim(), parameters };
        let (kind, subtype) = media.essence.split_once('/')?;
        if is_token(kind) && is_token(subtype) && has_closed_quotes(parameters) {
            Some(media)
        } else {
            None
        }
    }

    /// The values of the parameter `name` (compared without case), in order and unquoted.
    ///
    /// RFC 9110 §5.6.6 gives a repeated parameter no meaning, and recipients differ on which value
    /// counts.
    pub fn parameter_values(&self, name: &str) -> impl Iterator<Item = Cow<'v, str>> {
        split_parameters(self.parameters).filter_map(move |part| parameter_value(part, name))
    }

    /// The first value of the parameter `name`.
    pub fn first_parameter(&self, name: &str) -> Option<Cow<'v, str>> {
        self.parameter_values(name).next()
    }

    /// Returns true if `type/subtype` is `other`, compared without case.
    pub fn has_essence(&self, other: &str) -> bool {
        self.essence.eq_ignore_ascii_case(other)
    }
}

/// Splits a text at each `;` that is outside of quoted strings (RFC 9110 §5.6.4).
fn split_parameters(text: &str) -> impl Iterator<Item = &str> {
    let mut scanner = QuoteScanner::default();
    text.split(move |character: char| scanner.is_outside(character) && character == ';')
}

fn parameter_value<'v>(parameter: &'v str, name: &str) -> Option<Cow<'v, str>> {
    let (key, value) = parameter.split_once('=')?;
    if key.trim().eq_ignore_ascii_case(name) { Some(unquote(value.trim())) } else { None }
}

fn has_closed_quotes(text: &str) -> bool {
    let mut scanner = QuoteScanner::default();
    for byte in text.bytes() {
        // Only the state at the end counts.
        scanner.is_outside(byte);
    }
    !scanner.is_open()
}

/// The content of a quoted string (RFC 9110 §5.6.4). Any other text is returned as it is.
fn unquote(value: &str) -> Cow<'_, str> {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(value);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut text = String::with_capacity(inner.len());
    let mut escaped = false;
    for character in inner.chars() {
        if character == '\\' && !escaped {
            escaped = true;
        } else {
            text.push(character);
            escaped = false;
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, name: &str) -> Option<Vec<String>> {
        let media = MediaType::parse(text)?;
        Some(media.parameter_values(name).map(Cow::into_owned).collect())
    }

    #[test]
    fn parts_are_read() {
        let media = MediaType::parse("Application/JSON ; charset=utf-8; V=\"2.1\"");
        assert!(media.is_some_and(|media| media.has_essence("application/json")));
        assert_eq!(
            values("Application/JSON ; charset=utf-8; V=\"2.1\"", "v"),
            Some(vec!["2.1".into()])
        );
        assert_eq!(MediaType::parse("text"), None);
    }

    /// A parameter inside a quoted string is text, and what follows the string is read.
    #[test]
    fn quoted_strings_are_one_value() {
        assert_eq!(values(r#"a/b;x="a;v=2";v=1"#, "v"), Some(vec!["1".into()]));
        assert_eq!(values(r#"a/b;x="\";v=2";v=1"#, "v"), Some(vec!["1".into()]));
        assert_eq!(values(r#"a/b;v="1\.0""#, "v"), Some(vec!["1.0".into()]));
        assert_eq!(values(r#"a/b;v="1"#, "v"), None);
    }

    #[test]
    fn a_repeated_parameter_has_all_its_values() {
        assert_eq!(values("a/b;v=1; V=2;;w=3", "v"), Some(vec!["1".into(), "2".into()]));
    }
}
