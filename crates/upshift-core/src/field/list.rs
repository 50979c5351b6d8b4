//! Comma-separated lists (RFC 9110 §5.6.1).

use super::quotes::QuoteScanner;

/// The longest list whose members are compared with each other, as
/// [`UpgradeList`](super::UpgradeList) does.
///
/// A longer list is an error. It is not cut short, because a proxy appends its members at the end,
/// which is where the cut would be.
pub(super) const LIST_LIMIT: usize = 64;

/// Returns the elements of a list field, without outer white space. The lines of the field are one
/// list (RFC 9110 §5.3), and commas inside quoted strings do not separate.
///
/// RFC 9110 §5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty list
/// elements".
///
/// The number of elements has no limit here: the work is linear in a header section that is bounded
/// already, and a limit would hide the last members.
pub fn list_elements<'v>(values: impl Iterator<Item = &'v [u8]>) -> impl Iterator<Item = &'v [u8]> {
    values.flat_map(split_outside_quotes).map(<[u8]>::trim_ascii).filter(|part| !part.is_empty())
}

/// Returns the members of a list of tokens such as `Connection` or `X-Forwarded-For`, without outer
/// white space. The lines of the field are one list.
///
/// Such a list has no quoted strings, so a quote in it is an ordinary character. If an unclosed
/// quote counted, it would swallow the members that a proxy appended.
pub fn token_elements<'v>(
    values: impl Iterator<Item = &'v [u8]>,
) -> impl Iterator<Item = &'v [u8]> {
    let members = values.flat_map(|value| value.split(|byte| *byte == b','));
    members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

/// Returns the parts of `value` between the `separator`s outside of quoted strings, without outer
/// white space and without empty parts; `None` if a quoted string is not closed.
pub(crate) fn quoted_parts(value: &[u8], separator: u8) -> Option<Vec<&[u8]>> {
    let mut scanner = QuoteScanner::default();
    let mut parts = Vec::new();
    for part in value.split(|byte| scanner.is_outside(*byte) && *byte == separator) {
        parts.push(part.trim_ascii());
    }
    if scanner.is_open() {
        return None;
    }
    parts.retain(|part| !part.is_empty());
    Some(parts)
}

fn split_outside_quotes(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut scanner = QuoteScanner::default();
    // `split` asks about each byte once and in order, as the scanner needs it.
    value.split(move |byte| scanner.is_outside(*byte) && *byte == b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements_of(lines: &[&'static str]) -> Vec<&'static str> {
        let lines: Vec<&'static str> = lines.to_vec();
        list_elements(lines.into_iter().map(str::as_bytes))
            .map(|element| std::str::from_utf8(element).unwrap_or("?"))
            .collect()
    }

    #[test]
    fn empty_elements_are_ignored_and_lines_are_joined() {
        assert_eq!(elements_of(&[",a , ,b", "", "c,"]), ["a", "b", "c"]);
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
        assert_eq!(elements_of(&[r#"a;x="1,\"2", b"#]), [r#"a;x="1,\"2""#, "b"]);
    }

    #[test]
    fn parts_of_an_unclosed_string_are_none() {
        assert_eq!(quoted_parts(br#"a; b="1;2" ;"#, b';'), Some(vec![&b"a"[..], br#"b="1;2""#]));
        assert_eq!(quoted_parts(br#"a; b="1;2"#, b';'), None);
    }

    /// A limit on a list must not hide its end: the last member is what the nearest proxy wrote.
    #[test]
    fn the_last_member_is_seen_behind_any_number_of_others() {
        let many = "a,".repeat(10_000) + "late";
        assert_eq!(list_elements([many.as_bytes()].into_iter()).last(), Some(&b"late"[..]));
        let commas = ",".repeat(10_000) + "late";
        assert_eq!(list_elements([commas.as_bytes()].into_iter()).last(), Some(&b"late"[..]));
    }
}
