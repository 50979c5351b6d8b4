//! Comma-separated lists (RFC 9110 §5.6.1).

/// The longest list that is compared member by member, as [`UpgradeList`](super::UpgradeList) does.
/// A longer one is an error, never cut short: what stands behind the bound may be what a proxy
/// appended.
pub const LIST_LIMIT: usize = 64;

/// The elements of a list field, its lines read jointly (RFC 9110 §5.3), outer white space removed.
///
/// RFC 9110 §5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty list
/// elements". Commas inside quoted strings do not separate. Every element comes out: the work is
/// linear in a header section that is bounded already, and a bound here would hide the members that
/// come last.
pub fn list_elements<'v>(values: impl Iterator<Item = &'v [u8]>) -> impl Iterator<Item = &'v [u8]> {
    values
        .flat_map(|value| Split { rest: Some(value) })
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// The members of a list of tokens, its lines read jointly, outer white space removed.
///
/// Such a list (`Connection`, `X-Forwarded-For`) has no quoted strings, so that a quote in it hides
/// no comma: one that is not closed would swallow the members that a proxy appended.
pub fn token_elements<'v>(
    values: impl Iterator<Item = &'v [u8]>,
) -> impl Iterator<Item = &'v [u8]> {
    values
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// The parts of `value` between the `separator`s outside of quoted strings, outer white space
/// removed, those that are empty left out; `None` if a quoted string has no end.
pub(crate) fn quoted_parts(value: &[u8], separator: u8) -> Option<Vec<&[u8]>> {
    let (mut quoted, mut escaped) = (false, false);
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, byte) in value.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            byte if *byte == separator && !quoted => {
                parts.push(value[start..at].trim_ascii());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(value[start..].trim_ascii());
    parts.retain(|part| !part.is_empty());
    (!quoted).then_some(parts)
}

struct Split<'v> {
    rest: Option<&'v [u8]>,
}

impl<'v> Iterator for Split<'v> {
    type Item = &'v [u8];

    fn next(&mut self) -> Option<&'v [u8]> {
        let rest = self.rest?;
        let (mut quoted, mut escaped) = (false, false);
        let comma = rest.iter().position(|&byte| {
            if escaped {
                escaped = false;
            } else if byte == b'\\' && quoted {
                escaped = true;
            } else if byte == b'"' {
                quoted = !quoted;
            }
            byte == b',' && !quoted
        });
        let (element, rest) = match comma {
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
            None => (rest, None),
        };
        self.rest = rest;
        Some(element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&'static str]) -> Vec<&'static str> {
        let lines: Vec<&'static str> = lines.to_vec();
        list_elements(lines.into_iter().map(str::as_bytes))
            .map(|element| std::str::from_utf8(element).unwrap_or("?"))
            .collect()
    }

    #[test]
    fn empty_elements_are_ignored_and_lines_are_joined() {
        assert_eq!(read(&[",a , ,b", "", "c,"]), ["a", "b", "c"]);
    }

    #[test]
    fn a_quote_hides_no_member_of_a_list_of_tokens() {
        let line = r#"a, "b, c"#.as_bytes();
        assert_eq!(
            token_elements([line].into_iter()).collect::<Vec<_>>(),
            [&b"a"[..], b"\"b", b"c"]
        );
        assert_eq!(list_elements([line].into_iter()).count(), 2);
    }

    #[test]
    fn a_comma_in_quotes_does_not_separate() {
        assert_eq!(read(&[r#"a;x="1,\"2", b"#]), [r#"a;x="1,\"2""#, "b"]);
    }

    /// A bound on a list must not hide its end: the last member is what the nearest proxy wrote.
    #[test]
    fn the_last_member_is_seen_behind_any_number_of_others() {
        let many = "a,".repeat(10_000) + "late";
        assert_eq!(list_elements([many.as_bytes()].into_iter()).last(), Some(&b"late"[..]));
        let commas = ",".repeat(10_000) + "late";
        assert_eq!(list_elements([commas.as_bytes()].into_iter()).last(), Some(&b"late"[..]));
    }
}
