//! `media-type = type "/" subtype parameters` (RFC 9110 §8.3.1).

use std::borrow::Cow;

/// A media type or media range, its parts borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaType<'v> {
    /// `type/subtype`, in the case it was sent in.
    pub essence: &'v str,
    /// The text behind the first `;`. Its quoted strings are closed.
    parameters: &'v str,
}

impl<'v> MediaType<'v> {
    /// Reads one; `None` if it is not of the form `type/subtype` with tokens on both sides, or has
    /// a quoted string without an end.
    pub fn parse(text: &'v str) -> Option<Self> {
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let essence = essence.trim();
        let (kind, subtype) = essence.split_once('/')?;
        let closed = Parameters { rest: Some(parameters) }.all(|parameter| parameter.is_some());
        let legal = super::is_token(kind) && super::is_token(subtype) && closed;
        legal.then_some(Self { essence, parameters })
    }

    /// The values of the parameter `name` (compared without case), in order, unquoted.
    ///
    /// RFC 9110 §5.6.6 gives a repeated parameter no meaning, and readers differ on which one
    /// counts.
    pub fn parameter_values(&self, name: &str) -> impl Iterator<Item = Cow<'v, str>> {
        let all = Parameters { rest: Some(self.parameters) };
        all.flatten().filter_map(move |parameter| {
            let (key, value) = parameter.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| unquoted(value.trim()))
        })
    }

    /// The first value of the parameter `name`.
    pub fn first_parameter(&self, name: &str) -> Option<Cow<'v, str>> {
        self.parameter_values(name).next()
    }

    /// Tells whether `type/subtype` is `other`, compared without case.
    pub fn has_essence(&self, other: &str) -> bool {
        self.essence.eq_ignore_ascii_case(other)
    }
}

/// The parts of a text between the `;` that stand outside of quoted strings (RFC 9110 §5.6.4);
/// `None` for one whose quoted string has no end.
struct Parameters<'v> {
    rest: Option<&'v str>,
}

impl<'v> Iterator for Parameters<'v> {
    type Item = Option<&'v str>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let (mut quoted, mut escaped) = (false, false);
        for (at, byte) in rest.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b';' if !quoted => {
                    self.rest = Some(&rest[at + 1..]);
                    return Some(Some(&rest[..at]));
                }
                _ => {}
            }
        }
        Some((!quoted).then_some(rest))
    }
}

/// The content of a quoted string (RFC 9110 §5.6.4); any other text as it is.
fn unquoted(value: &str) -> Cow<'_, str> {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(inner) = inner else { return Cow::Borrowed(value) };
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
        MediaType::parse(text)
            .map(|media| media.parameter_values(name).map(Cow::into_owned).collect())
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
