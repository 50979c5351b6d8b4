//! The parameters of a query, as the frameworks behind the gateway read them.

use std::borrow::Cow;

use super::percent::percent_decode;

/// The values of the parameter `name`, at most `limit` of them, percent-decoded (WHATWG URL §5.1),
/// empty ones too.
///
/// Names compare without case, as ASP.NET does, and with the characters that PHP turns into `_`
/// taken as equal, so that no other spelling of the name carries a version that is not read here.
pub(crate) fn parameter_values<'q>(
    query: &'q str,
    name: &str,
    limit: usize,
) -> impl Iterator<Item = Cow<'q, str>> {
    let pairs = query.split('&').map(split_pair);
    let named = pairs.filter(move |(key, _)| names_parameter(key, name));
    named.map(|(_, value)| decode_component(value)).take(limit)
}

/// The pairs of a query that [`parameter_values`] reads for one of `names`, as they were sent.
pub(crate) fn matching_pairs<'q>(query: &'q str, names: &[Box<str>]) -> Vec<&'q str> {
    let mut pairs: Vec<&str> = query.split('&').collect();
    pairs.retain(|pair| {
        let (key, _) = split_pair(pair);
        names.iter().any(|name| names_parameter(key, name))
    });
    pairs
}

/// The name of a pair, and its value, as they were sent.
fn split_pair(pair: &str) -> (&str, &str) {
    pair.split_once('=').unwrap_or((pair, ""))
}

/// Returns true if a parameter whose name was sent as `key` is called `name`.
fn names_parameter(key: &str, name: &str) -> bool {
    // Frameworks decode names before they compare them: `api%2Dversion` is `api-version`.
    let decoded = decode_component(key);
    folded_name(&decoded).eq(folded_name(name))
}

/// A parameter's name as PHP registers it: without leading spaces, cut at a NUL, an array's name
/// without its index, and `_` in place of ` `, `.` and an unclosed `[`.
fn folded_name(name: &str) -> impl Iterator<Item = char> {
    let trimmed = name.trim_start_matches(' ');
    let cut = trimmed.split('\0').next().unwrap_or_default();
    let base = match cut.find('[') {
        // A `[` at the start begins no index in PHP, which makes it `_`.
        Some(at) if at > 0 && cut[at..].contains(']') => &cut[..at],
        _ => cut,
    };
    base.chars().map(|character| match character {
        ' ' | '.' | '[' => '_',
        other => other.to_ascii_lowercase(),
    })
}

/// Decodes a name or a value of `application/x-www-form-urlencoded`.
fn decode_component(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    // `+` first: a `%2B` must not become a space.
    let bytes = percent_decode(&text.replace('+', " "));
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::parameter_values;

    fn read(query: &str) -> Vec<String> {
        parameter_values(query, "api-version", 9).map(Into::into).collect()
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
        let read = parameter_values(php, "api_version", 9);
        assert!(read.eq(["1", "2", "3", "4", "5", "6"]));
    }
}
