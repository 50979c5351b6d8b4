//! `media-type = type "/" subtype parameters` (RFC 9110 §8.3.1).

/// A media type or media range, its parts borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaType<'v> {
    /// `type/subtype`, in the case it was sent in.
    pub essence: &'v str,
    parameters: &'v str,
}

impl<'v> MediaType<'v> {
    /// Reads one; `None` if it is not of the form `type/subtype` with tokens on both sides.
    pub fn parse(text: &'v str) -> Option<Self> {
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let essence = essence.trim();
        let (kind, subtype) = essence.split_once('/')?;
        (super::is_token(kind) && super::is_token(subtype)).then_some(Self { essence, parameters })
    }

    /// The value of the parameter `name` (compared without case), quotes removed.
    pub fn parameter(&self, name: &str) -> Option<&'v str> {
        self.parameters.split(';').find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
        })
    }

    /// Whether `type/subtype` is `other`, compared without case.
    pub fn is(&self, other: &str) -> bool {
        self.essence.eq_ignore_ascii_case(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read() {
        let media = MediaType::parse("Application/JSON ; charset=utf-8; V=\"2.1\"");
        assert!(media.is_some_and(|media| media.is("application/json") && media.parameter("v") == Some("2.1")));
        assert_eq!(MediaType::parse("text"), None);
    }
}
