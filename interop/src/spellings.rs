//! Spellings of a path: request targets that some server may read as that path.
//!
//! A change turns a target into others, such as one with an encoded slash. The spellings of a path
//! are what each change makes of it, and what two changes make of it one after the other.

use std::collections::HashSet;

/// A request target, and how it was made from a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelling {
    /// The name of the change, or of both changes joined by ` + `.
    pub kind: String,
    /// The bytes between the method and the version. They need not be text.
    pub target: Vec<u8>,
}

impl Spelling {
    /// The target as text, with the bytes that are not printable ASCII escaped.
    pub fn text(&self) -> String {
        self.target.escape_ascii().to_string()
    }

    /// True if servers disagree about the path before any routing: it has a dot segment, an empty
    /// segment, a backslash, an encoded separator, a fragment, or no slash at its start. An empty
    /// path is `/` (RFC 9110 §4.2.3).
    pub fn is_ambiguous(&self) -> bool {
        let path = origin_path(&self.target);
        let lower_case = path.to_ascii_lowercase();
        (!path.is_empty() && !path.starts_with(b"/"))
            || [&b"//"[..], b"\\", b"#", b"%2f", b"%5c"]
                .iter()
                .any(|part| contains(&lower_case, part))
            || lower_case.split(|byte| *byte == b'/').any(is_dot_segment)
    }
}

/// All spellings of these paths, each target once and always in the same order. The paths are plain
/// text that begins with a slash: `/café/7`.
pub fn spell(paths: &[&str]) -> Vec<Spelling> {
    let targets: Vec<Vec<u8>> = paths.iter().map(|path| encode_other_letters(path)).collect();
    let mut spellings = Vec::new();
    for change in CHANGES {
        for target in &targets {
            let made = (change.apply)(target);
            spellings.extend(
                made.into_iter().map(|target| Spelling { kind: change.name.to_owned(), target }),
            );
        }
    }
    for (first_at, first) in CHANGES.iter().enumerate() {
        for (second_at, second) in CHANGES.iter().enumerate() {
            // All paths for every pair would be too many to ask about. They take turns instead.
            let target = &targets[(first_at + second_at) % targets.len()];
            spellings.extend(mix(first, second, target, first_at * 7 + second_at * 13));
        }
    }
    let mut seen = HashSet::new();
    spellings.retain(|spelling| {
        fits_request_line(&spelling.target) && seen.insert(spelling.target.clone())
    });
    spellings
}

/// A named way to write a target differently.
struct Change {
    name: &'static str,
    apply: fn(&[u8]) -> Vec<Vec<u8>>,
}

const CHANGES: &[Change] = &[
    Change { name: "plain", apply: |target| vec![target.to_vec()] },
    Change { name: "encoded letters", apply: |target| replace(target, encode_letter) },
    Change { name: "lower-case hex", apply: |target| replace(target, encode_in_lower_case) },
    Change { name: "encoded punctuation", apply: |target| replace(target, encode_punctuation) },
    Change { name: "raw bytes", apply: |target| replace(target, decode_escape) },
    Change { name: "encoded slash", apply: encode_slashes },
    Change { name: "dot segments", apply: |target| insert(target, DOT_SEGMENTS) },
    Change { name: "encoded dot segments", apply: |target| insert(target, ENCODED_DOT_SEGMENTS) },
    Change {
        name: "dots at an encoded slash",
        apply: |target| prepend(target, DOTS_AT_ENCODED_SLASH),
    },
    Change { name: "dots behind", apply: |target| append(target, DOTS_BEHIND) },
    Change { name: "duplicate slashes", apply: double_slashes },
    Change {
        name: "dots at empty segments",
        apply: |target| insert(target, DOTS_AT_EMPTY_SEGMENTS),
    },
    Change { name: "network path", apply: |target| prepend(target, NETWORK_PATHS) },
    Change {
        name: "backslash",
        apply: |target| replace(target, |unit| is_slash(unit).then(|| b"\\".to_vec())),
    },
    Change {
        name: "backslash network path",
        apply: |target| prepend(target, BACKSLASH_NETWORK_PATHS),
    },
    Change { name: "dots at a backslash", apply: |target| prepend(target, DOTS_AT_BACKSLASH) },
    Change { name: "encoded backslash", apply: encode_backslashes },
    Change { name: "parameters", apply: |target| insert(target, PARAMETERS) },
    Change { name: "parameters on dots", apply: |target| insert(target, PARAMETERS_ON_DOTS) },
    Change { name: "letter case", apply: |target| replace(target, upper_case) },
    Change { name: "folded letters", apply: |target| replace(target, unfold) },
    Change { name: "trailing slash", apply: |target| append(target, TRAILING_SLASHES) },
    Change { name: "trailing dots", apply: |target| append(target, TRAILING_DOTS) },
    Change { name: "composition", apply: recompose },
    Change { name: "overlong encoding", apply: lengthen },
    Change { name: "full width", apply: |target| replace(target, widen) },
    Change { name: "unicode escape", apply: |target| replace(target, escape_unicode) },
    Change { name: "double encoding", apply: |target| replace(target, encode_twice) },
    Change { name: "doubly encoded dots", apply: |target| insert(target, DOUBLY_ENCODED_DOTS) },
    Change { name: "spaces", apply: |target| insert(target, SPACES) },
    Change { name: "encoded control", apply: |target| insert(target, ENCODED_CONTROLS) },
    Change { name: "raw control", apply: |target| insert(target, RAW_CONTROLS) },
    Change { name: "encoded delimiters", apply: |target| insert(target, ENCODED_DELIMITERS) },
    Change { name: "query", apply: |target| insert(target, QUERIES) },
    Change { name: "fragment", apply: |target| insert(target, FRAGMENTS) },
    Change { name: "absolute form", apply: |target| prepend(target, ORIGINS) },
    Change { name: "strange absolute form", apply: |target| prepend(target, STRANGE_ORIGINS) },
    Change { name: "no leading slash", apply: drop_leading_slash },
    Change { name: "broken escapes", apply: |target| insert(target, BROKEN_ESCAPES) },
];

const DOT_SEGMENTS: &[&[u8]] =
    &[b"/.", b"/..", b"/x/..", b"/x/y/../..", b"/x/./..", b"/x/../..", b"/./."];

const ENCODED_DOT_SEGMENTS: &[&[u8]] =
    &[b"/%2e", b"/%2E%2E", b"/x/%2e%2e", b"/x/%2E%2E", b"/x/.%2e", b"/x/%2e.", b"/x/%2e/.%2E"];

const DOTS_AT_ENCODED_SLASH: &[&[u8]] = &[
    b"/x%2f..",
    b"/x/..%2F",
    b"/x%2F..%2f",
    b"/x%2f%2e%2e",
    b"/x/%2e%2e%2f",
    b"/.%2f",
    b"/%2f..",
    b"/..%2f",
];

const BEHIND_ENCODED_SLASH: &[&[u8]] = &[b"%2Fx", b"%2f..", b"%2F..%2f", b"%2fx%2f..", b"x%2F"];

const DOTS_BEHIND: &[&[u8]] = &[
    b"/.",
    b"/..",
    b"/./",
    b"/../",
    b"/x/..",
    b"/x/../",
    b"/../x",
    b"/../../x",
    b"/../../../x",
    b"/../..",
    b"/%2e",
    b"/%2e%2e",
    b"/%2e%2e/%2e%2e/x",
    b"/.%2e/%2E./x",
    b"/..%2fx",
    b"/..%2f..%2fx",
    b"%2f..%2f..%2fx",
    b"%2f%2e%2e%2f%2e%2e%2fx",
    b"%2f.",
    b"%2f..",
    b"/x%2f..",
    b"/..\\..\\x",
    b"/..%5c..%5cx",
    b"/..;/..;/x",
    b"//../x",
    b"//../../x",
    b"//..//../x",
    b"/..//..//x",
    b"/%252e%252e/%252e%252e/x",
];

const DOTS_AT_EMPTY_SEGMENTS: &[&[u8]] =
    &[b"//..", b"/x//..", b"/x//../..", b"/x/..//", b"/.//..", b"//.", b"/x/y//../.."];

const NETWORK_PATHS: &[&[u8]] = &[
    b"//x",
    b"///x",
    b"////x",
    b"//localhost",
    b"//x:80",
    b"//x:",
    b"//u@x",
    b"//u:p@x",
    b"//a@b@c",
    b"//[::1]",
    b"//.",
    b"//..",
    b"//%78",
    b"//caf%C3%A9",
    b"//x%20",
    b"//x<",
    b"//[",
    b"//x/y/..",
    b"//x/.",
    b"//x/..",
    b"//x/",
    b"//127.0.0.1",
    b"//x?",
    b"//x%2f",
    b"//x;y",
];

const BACKSLASH_NETWORK_PATHS: &[&[u8]] = &[
    b"/\\x",
    b"/\\\\x",
    b"/\\/x",
    b"//\\x",
    b"\\\\x",
    b"\\/x",
    b"//x\\y\\..",
    b"/\\x\\.",
    b"/\\x:80",
];

const DOTS_AT_BACKSLASH: &[&[u8]] = &[
    b"/x/..\\",
    b"/x\\..",
    b"/x\\..\\",
    b"/.\\",
    b"/..\\",
    b"/x/%2e%2e\\",
    b"/x/..%5c",
    b"/x%5c..%5c",
];

const PARAMETERS: &[&[u8]] = &[b";a=b", b";", b"%3B", b"%3ba=b", b"/;x", b"/;"];

const PARAMETERS_ON_DOTS: &[&[u8]] = &[
    b"/x/..;",
    b"/x/..;a=b",
    b"/.;",
    b"/..;",
    b"/x/..%3B",
    b"/x/%2e%2e;",
    b"/x;/..",
    b"/;/..",
    b"/x/;/../..",
];

const TRAILING_SLASHES: &[&[u8]] =
    &[b"/", b"//", b"%2F", b"%2f%2f", b"/%2F", b"%2F/", b"/.%2f", b"\\", b"%5C", b"/?", b"/;"];

const TRAILING_DOTS: &[&[u8]] = &[
    b".", b"..", b"...", b"%2e", b"%20", b".%20", b"%20.", b"%20%20", b"+", b"./", b"%20/",
    b"/%20", b"%C2%A0", b"::$DATA",
];

const DOUBLY_ENCODED_DOTS: &[&[u8]] = &[
    b"/x/%252e%252e",
    b"/x/%252E.",
    b"/%252e",
    b"/x%252f..",
    b"/x/..%252f..%252f",
    b"/x/%25252e%25252e",
];

const SPACES: &[&[u8]] = &[b"%20", b"+", b"%A0", b"%E3%80%80"];

const ENCODED_CONTROLS: &[&[u8]] =
    &[b"%00", b"%09", b"%0a", b"%0D", b"%01", b"%7f", b"/x/..%00", b"/x/.%09."];

const RAW_CONTROLS: &[&[u8]] =
    &[b"\t", b"\x0b", b"\x0c", b"\x01", b"\x7f", b"\0", b"\x85", b"\xa0"];

const ENCODED_DELIMITERS: &[&[u8]] =
    &[b"%3f", b"%23", b"%3Fx", b"%23x", b"/x%3f/..", b"/x%23/..", b"%3a80", b"%40x"];

const QUERIES: &[&[u8]] = &[b"?", b"?x", b"?/../../x", b"/x?/..", b"??", b"?#"];

const FRAGMENTS: &[&[u8]] = &[b"#", b"#x", b"#/../../x", b"/x#/..", b"/#/..", b"#?"];

const ORIGINS: &[&[u8]] = &[
    b"http://localhost",
    b"http://x",
    b"HTTP://localhost",
    b"Http://x",
    b"https://x",
    b"http://localhost:80",
    b"http://x:",
    b"http://[::1]",
    b"http://127.0.0.1:80",
    b"http://x/",
    b"http://x/y/..",
    b"http://x/.",
    b"http://x//y",
    b"http://X",
];

const STRANGE_ORIGINS: &[&[u8]] = &[
    b"http://u@x",
    b"http://u:p@x",
    b"ftp://x",
    b"foo://x",
    b"ws://x",
    b"wss://x",
    b"file://",
    b"http:",
    b"http:/",
    b"http://",
    b"http:///x",
    b"foo:",
    b"javascript:",
    b"http:x",
    b"http:\\\\x",
    b"http:/\\x",
    b"http://x\\y",
    b"http://x?",
    b"http://x#",
    b"/http://x",
    b"://x",
    b"http%3A//x",
];

const BROKEN_ESCAPES: &[&[u8]] =
    &[b"%", b"%zz", b"%2", b"/%zz/..", b"/%/..", b"%-1", b"%ff", b"%C3", b"%%32F"];

const OTHER_COMPOSITIONS: &[&[u8]] = &[
    b"e%CC%81",
    b"e\xcc\x81",
    b"%E9",
    b"\xe9",
    b"%C3%83%C2%A9",
    b"%C3\xa9",
    b"\xc3%A9",
    b"%25C3%25A9",
    b"&eacute;",
    b"%u00e9",
    b"%c3%a9",
    b"e",
];

/// What `second` makes of what `first` makes of the target: a few of all that there are.
fn mix(first: &Change, second: &Change, target: &[u8], turn: usize) -> Vec<Spelling> {
    let mut spellings = Vec::new();
    for changed in pick_two((first.apply)(target), turn) {
        for target in pick_two((second.apply)(&changed), turn) {
            spellings.push(Spelling { kind: format!("{} + {}", first.name, second.name), target });
        }
    }
    spellings
}

fn pick_two(mut targets: Vec<Vec<u8>>, turn: usize) -> Vec<Vec<u8>> {
    let length = targets.len().max(1);
    targets.rotate_left(turn % length);
    let step = length.div_ceil(2);
    targets.into_iter().step_by(step).collect()
}

/// What the request line cannot hold would be another request.
fn fits_request_line(target: &[u8]) -> bool {
    !target.is_empty() && !target.iter().any(|byte| matches!(byte, b' ' | b'\r' | b'\n'))
}

/// The target up to its query, without the scheme and authority of the absolute form.
fn origin_path(target: &[u8]) -> &[u8] {
    let target = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let scheme_length = match target.to_ascii_lowercase() {
        lower if lower.starts_with(b"http://") => 7,
        lower if lower.starts_with(b"https://") => 8,
        _ => return target,
    };
    let authority = &target[scheme_length..];
    let path_start = authority.iter().position(|byte| *byte == b'/');
    path_start.filter(|at| *at > 0).map_or(b"", |at| &authority[at..])
}

fn is_dot_segment(segment: &[u8]) -> bool {
    let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
    let name = String::from_utf8_lossy(name).replace("%2e", ".").replace("%3b", ";");
    matches!(name.split(';').next(), Some("." | ".."))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The path as a client sends it, with the letters beyond ASCII encoded.
fn encode_other_letters(path: &str) -> Vec<u8> {
    let mut target = Vec::new();
    for byte in path.bytes() {
        if byte.is_ascii() {
            target.push(byte);
        } else {
            target.extend(encode(byte));
        }
    }
    target
}

fn encode(byte: u8) -> Vec<u8> {
    format!("%{byte:02X}").into_bytes()
}

/// The bytes of a target, an escape such as `%2F` being one unit.
fn units(target: &[u8]) -> Vec<&[u8]> {
    let mut units = Vec::new();
    let mut rest = target;
    while !rest.is_empty() {
        let length = if escaped_byte(&rest[..rest.len().min(3)]).is_some() { 3 } else { 1 };
        let (unit, behind) = rest.split_at(length);
        units.push(unit);
        rest = behind;
    }
    units
}

fn escaped_byte(unit: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(unit.strip_prefix(b"%")?).ok()?;
    if digits.len() != 2 || digits.starts_with('+') {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

/// Replaces each unit that `replacement` knows: one at a time, then all of them.
fn replace(target: &[u8], replacement: fn(&[u8]) -> Option<Vec<u8>>) -> Vec<Vec<u8>> {
    let units = units(target);
    let mut made = Vec::new();
    let mut all = Vec::new();
    for (at, unit) in units.iter().enumerate() {
        let Some(new) = replacement(unit) else {
            all.extend_from_slice(unit);
            continue;
        };
        made.push([&units[..at].concat(), &new[..], &units[at + 1..].concat()].concat());
        all.extend(new);
    }
    if made.len() > 1 {
        made.push(all);
    }
    made
}

/// Inserts each text before each slash, and at the end.
fn insert(target: &[u8], texts: &[&[u8]]) -> Vec<Vec<u8>> {
    let slashes = (0..target.len()).filter(|at| target[*at] == b'/');
    let places: Vec<usize> = slashes.chain([target.len()]).collect();
    let mut made = Vec::new();
    for &text in texts {
        for place in &places {
            let (before, behind) = target.split_at(*place);
            made.push([before, text, behind].concat());
        }
    }
    made
}

fn prepend(target: &[u8], texts: &[&[u8]]) -> Vec<Vec<u8>> {
    let relative = target.strip_prefix(b"/").unwrap_or(target);
    let mut made = Vec::new();
    for &text in texts {
        // A text that ends with a separator of its own takes the place of the first slash.
        let ends_with_separator =
            [&b"%2f"[..], b"%5c", b"\\"].iter().any(|end| text.to_ascii_lowercase().ends_with(end));
        let rest = if ends_with_separator { relative } else { target };
        made.push([text, rest].concat());
    }
    made
}

fn append(target: &[u8], texts: &[&[u8]]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| [target, text].concat()).collect()
}

fn is_slash(unit: &[u8]) -> bool {
    unit == b"/"
}

fn letter(unit: &[u8]) -> Option<u8> {
    unit.first().copied().filter(|byte| unit.len() == 1 && byte.is_ascii_alphanumeric())
}

fn encode_letter(unit: &[u8]) -> Option<Vec<u8>> {
    letter(unit).map(encode)
}

/// Encodes with hexadecimal digits in lower case, where that makes a difference.
fn encode_in_lower_case(unit: &[u8]) -> Option<Vec<u8>> {
    let escape = if unit.len() == 3 { unit.to_vec() } else { encode_letter(unit)? };
    let lower_case = escape.to_ascii_lowercase();
    (lower_case != escape).then_some(lower_case)
}

fn encode_punctuation(unit: &[u8]) -> Option<Vec<u8>> {
    let byte = unit.first().copied().filter(|_| unit.len() == 1)?;
    (byte.is_ascii_punctuation() && !matches!(byte, b'/' | b'%')).then(|| encode(byte))
}

fn decode_escape(unit: &[u8]) -> Option<Vec<u8>> {
    escaped_byte(unit).map(|byte| vec![byte])
}

fn encode_slashes(target: &[u8]) -> Vec<Vec<u8>> {
    let upper_case = replace(target, |unit| is_slash(unit).then(|| b"%2F".to_vec()));
    let lower_case = replace(target, |unit| is_slash(unit).then(|| b"%2f".to_vec()));
    let beside_one = replace(target, |unit| is_slash(unit).then(|| b"/%2F".to_vec()));
    [upper_case, lower_case, beside_one, insert(target, BEHIND_ENCODED_SLASH)].concat()
}

fn double_slashes(target: &[u8]) -> Vec<Vec<u8>> {
    let two = replace(target, |unit| is_slash(unit).then(|| b"//".to_vec()));
    let three = replace(target, |unit| is_slash(unit).then(|| b"///".to_vec()));
    [two, three, append(target, &[b"//x", b"//"])].concat()
}

fn encode_backslashes(target: &[u8]) -> Vec<Vec<u8>> {
    let upper_case = replace(target, |unit| is_slash(unit).then(|| b"%5C".to_vec()));
    let lower_case = replace(target, |unit| is_slash(unit).then(|| b"%5c".to_vec()));
    let beside_slash = replace(target, |unit| is_slash(unit).then(|| b"/%5C".to_vec()));
    [upper_case, lower_case, beside_slash].concat()
}

fn upper_case(unit: &[u8]) -> Option<Vec<u8>> {
    unit[0].is_ascii_lowercase().then(|| unit.to_ascii_uppercase())
}

/// Letters that become the given one when they are folded or put into lower case.
fn unfold(unit: &[u8]) -> Option<Vec<u8>> {
    let other: &[u8] = match unit {
        b"i" => b"%C4%B0",
        b"k" => b"%E2%84%AA",
        b"s" => b"%C5%BF",
        b"%A9" => b"%89",
        _ => return None,
    };
    Some(other.to_vec())
}

/// The other ways in which `é` is written.
fn recompose(target: &[u8]) -> Vec<Vec<u8>> {
    let Some(at) = target.windows(6).position(|window| window == b"%C3%A9") else {
        return Vec::new();
    };
    let (before, behind) = (&target[..at], &target[at + 6..]);
    OTHER_COMPOSITIONS.iter().map(|letter| [before, letter, behind].concat()).collect()
}

/// UTF-8 with more bytes than the character needs.
fn lengthen(target: &[u8]) -> Vec<Vec<u8>> {
    let dots: &[&[u8]] =
        &[b"/x/%C0%AE%C0%AE", b"/%C0%AE", b"/x/..%C0%AF", b"/x/%E0%80%AE%E0%80%AE"];
    [replace(target, lengthen_to_two), replace(target, lengthen_to_three), insert(target, dots)]
        .concat()
}

fn lengthen_to_two(unit: &[u8]) -> Option<Vec<u8>> {
    let byte =
        unit.first().copied().filter(|byte| is_slash(unit) || letter(unit) == Some(*byte))?;
    Some([encode(0xc0 | byte >> 6), encode(0x80 | byte & 0x3f)].concat())
}

fn lengthen_to_three(unit: &[u8]) -> Option<Vec<u8>> {
    let two = lengthen_to_two(unit)?;
    let lead = if unit[0] < 0x40 { "%80" } else { "%81" };
    Some([b"%E0", lead.as_bytes(), &two[3..]].concat())
}

/// The full-width twin of a character, from U+FF01 on.
fn widen(unit: &[u8]) -> Option<Vec<u8>> {
    let byte =
        unit.first().copied().filter(|byte| is_slash(unit) || letter(unit) == Some(*byte))?;
    let wide = char::from_u32(0xff00 + u32::from(byte) - 0x20)?;
    Some(encode_other_letters(wide.encode_utf8(&mut [0; 4])))
}

fn escape_unicode(unit: &[u8]) -> Option<Vec<u8>> {
    let byte =
        unit.first().copied().filter(|byte| is_slash(unit) || letter(unit) == Some(*byte))?;
    Some(format!("%u{byte:04x}").into_bytes())
}

fn encode_twice(unit: &[u8]) -> Option<Vec<u8>> {
    let escape = if unit.len() == 3 { unit.to_vec() } else { encode(unit[0]) };
    Some([b"%25", &escape[1..]].concat())
}

fn drop_leading_slash(target: &[u8]) -> Vec<Vec<u8>> {
    let relative = target.strip_prefix(b"/").unwrap_or(target);
    let starts: &[&[u8]] = &[
        b"", b"./", b"../", b"x/../", b"x/", b":80/", b"@x/", b"*/", b"?/", b"*", b"%2F", b"%2f/",
        b"\\", b".", b";/",
    ];
    starts.iter().map(|start| [start, relative].concat()).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    const PATHS: &[&str] = &["/account/7", "/chat", "/p@q/7", "/café/7", "/api/v1/orders"];

    fn kinds_of(target: &str) -> Option<String> {
        let all = spell(PATHS);
        let found = all.into_iter().find(|spelling| spelling.target == target.as_bytes());
        found.map(|spelling| spelling.kind)
    }

    #[test]
    fn there_are_thousands_and_each_comes_once() {
        let all = spell(PATHS);
        let distinct: HashSet<&[u8]> = all.iter().map(|spelling| &spelling.target[..]).collect();
        assert!(all.len() >= 2_000, "{} spellings", all.len());
        assert_eq!(distinct.len(), all.len());
        assert_eq!(all, spell(PATHS));
    }

    #[test]
    fn every_change_makes_something_of_a_path() {
        let all = spell(PATHS);
        for change in CHANGES {
            assert!(all.iter().any(|spelling| spelling.kind == change.name), "{}", change.name);
        }
    }

    #[test]
    fn the_spellings_that_servers_were_seen_to_serve_are_there() {
        for (kind, target) in [
            ("plain", "/caf%C3%A9/7"),
            ("encoded letters", "/%61ccount/7"),
            ("lower-case hex", "/caf%c3%a9/7"),
            ("encoded punctuation", "/p%40q/7"),
            ("encoded slash", "/account%2f7"),
            ("encoded slash", "%2Faccount/7"),
            ("dot segments", "/x/../account/7"),
            ("encoded dot segments", "/account/x/%2e%2e/7"),
            ("dots at an encoded slash", "/x/..%2Faccount/7"),
            ("dots behind", "/account/7/../../x"),
            ("dots behind", "/account/7/..%2f..%2fx"),
            ("duplicate slashes", "//account/7"),
            ("dots at empty segments", "/x//../account/7"),
            ("network path", "//x/account/7"),
            ("network path", "///x/account/7"),
            ("backslash", "/account\\7"),
            ("backslash network path", "/\\x/account/7"),
            ("dots at a backslash", "/x/..\\account/7"),
            ("encoded backslash", "/account%5C7"),
            ("parameters", "/account;a=b/7"),
            ("parameters on dots", "/x/..;/account/7"),
            ("letter case", "/CHAT"),
            ("folded letters", "/ap%C4%B0/v1/orders"),
            ("trailing slash", "/chat/"),
            ("trailing dots", "/chat%20"),
            ("composition", "/cafe%CC%81/7"),
            ("overlong encoding", "/account%C0%AF7"),
            ("overlong encoding", "/%E0%81%A1ccount/7"),
            ("full width", "/%EF%BD%81ccount/7"),
            ("unicode escape", "/%u0061ccount/7"),
            ("double encoding", "/account%252F7"),
            ("encoded delimiters", "/chat%3f"),
            ("fragment", "/account/7#/../../x"),
            ("absolute form", "HTTP://localhost/account/7"),
            ("no leading slash", "account/7"),
        ] {
            assert_eq!(kinds_of(target).as_deref(), Some(kind), "{target}");
        }
    }

    #[test]
    fn an_escape_is_one_unit() {
        assert_eq!(units(b"/%2Fa%z"), [&b"/"[..], b"%2F", b"a", b"%", b"z"]);
    }

    #[test]
    fn ambiguous_is_what_servers_take_apart_differently() {
        for target in [
            "/x/../a",
            "/%2e/a",
            "/a/..;x/b",
            "//a",
            "/a//b",
            "/a%2Fb",
            "/a\\b",
            "/a%5cb",
            "/a#b",
            "a",
            "http://x/../a",
        ] {
            let spelling = Spelling { kind: String::new(), target: target.into() };
            assert!(spelling.is_ambiguous(), "{target}");
        }
        for target in ["/a/b", "/%61", "/a;b/c", "/a?//../b", "http://x/a", "/a...", "/p%40q"] {
            let spelling = Spelling { kind: String::new(), target: target.into() };
            assert!(!spelling.is_ambiguous(), "{target}");
        }
    }

    #[test]
    fn no_target_breaks_the_request_line() {
        assert!(spell(PATHS).iter().all(|spelling| fits_request_line(&spelling.target)));
        let last = spell(PATHS).pop().unwrap();
        assert!(last.kind.contains(" + "), "{last:?}");
    }
}
