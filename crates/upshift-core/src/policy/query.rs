//! The parameters of a query, as the frameworks behind the gateway read them.

use std::borrow::Cow;

/// The values of the parameter `name`, at most `limit` of them, percent-decoded (WHATWG URL §5.1),
/// empty ones too.
///
/// Names compare without case, as ASP.NET has it, and with the characters that PHP makes `_` of
/// taken as equal, so that no other spelling of the name carries a version that is not read here.
pub(super) fn values<'q>(query: &'q str, name: &str, limit: usize) -> Vec<Cow<'q, str>> {
    let wanted = folded(name);
    let mut values = Vec::new();
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if values.len() < limit && folded(&percent_decode(key)) == wanted {
            values.push(percent_decode(value));
        }
    }
    values
}

/// A parameter's name as PHP registers it: without leading spaces, cut at a NUL, an array's name
/// without its index, and `_` in place of ` `, `.` and an unclosed `[`.
fn folded(name: &str) -> String {
    let name = name.trim_start_matches(' ').split('\0').next().unwrap_or_default();
    let base = match name.find('[') {
        Some(at) if at > 0 && name[at..].contains(']') => &name[..at],
        _ => name,
    };
    let fold = |character: char| match character {
        ' ' | '.' | '[' => '_',
        other => other.to_ascii_lowercase(),
    };
    base.chars().map(fold).collect()
}

fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(String::from_utf8_lossy(&super::reading::decode(&spaced)).into_owned())
}

#[cfg(test)]
mod tests {
    use super::values;

    fn read(query: &str) -> Vec<String> {
        values(query, "api-version", 9).into_iter().map(Into::into).collect()
    }

    #[test]
    fn values_are_decoded() {
        assert_eq!(read("a=1&api-version=2%2E0&api-version=&api-version"), ["2.0", "", ""]);
        assert_eq!(read("api%2Dversion=a+b"), ["a b"]);
    }

    /// PHP reads all of these as `api_version`.
    #[test]
    fn every_spelling_of_a_name_is_read() {
        let php = "api.version=1&api%20version=2&+api_version=3&api_version[0]=4&api%5Bversion=5&API_VERSION=6";
        let read: Vec<_> = values(php, "api_version", 9).into_iter().collect();
        assert_eq!(read, ["1", "2", "3", "4", "5", "6"]);
    }
}
