//! A message that the codec takes and another program refuses, and what is odd about it.

/// The names of fields whose values servers parse.
const PARSED: [&[u8]; 3] = [b"host", b"content-length", b"transfer-encoding"];

/// A message that the codec takes and another program refuses.
#[derive(Debug)]
pub(super) struct Disputed<'c> {
    bytes: &'c [u8],
    behind: &'c [u8],
}

impl<'c> Disputed<'c> {
    /// The message, and the bytes behind it.
    pub(super) fn new(bytes: &'c [u8], behind: &'c [u8]) -> Self {
        Self { bytes, behind }
    }

    /// RFC 9112 §2.2: a server ignores an empty line before the request line.
    pub(super) fn begins_with_an_empty_line(&self) -> bool {
        self.bytes.starts_with(b"\r\n")
    }

    pub(super) fn has_method_outside(&self, methods: &[&[u8]]) -> bool {
        !methods.contains(&self.word(0))
    }

    /// Returns true for a method with anything but upper-case letters, `_` and `-`.
    pub(super) fn has_unusual_method(&self) -> bool {
        !self.word(0).iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'_' | b'-'))
    }

    pub(super) fn is_http_1_0(&self) -> bool {
        self.word(2) == b"HTTP/1.0"
    }

    pub(super) fn has_encoded_nul(&self) -> bool {
        self.word(1).windows(3).any(|window| window == b"%00")
    }

    /// Returns true if a `%` in the target has no two hexadecimal digits behind it.
    pub(super) fn has_stray_percent(&self) -> bool {
        for part in self.word(1).split(|byte| *byte == b'%').skip(1) {
            let digits = part.get(..2).unwrap_or_default();
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
                return true;
            }
        }
        false
    }

    /// Returns true if the target has a character that RFC 3986 does not allow.
    pub(super) fn has_unencoded_character(&self) -> bool {
        self.word(1).iter().any(|byte| b"\"<>\\^`{|}".contains(byte))
    }

    /// Returns true for an absolute target whose scheme is neither `http` nor `https`.
    pub(super) fn has_other_scheme(&self) -> bool {
        let target = self.word(1);
        let scheme = target.split(|byte| *byte == b':').next().unwrap_or_default();
        !target.starts_with(b"/") && !matches!(scheme, b"http" | b"https")
    }

    /// Returns true if `Host` or the authority of the target is empty, or has anything but letters,
    /// digits, `.` and `-`.
    pub(super) fn has_unusual_host(&self) -> bool {
        let mut hosts = self.values(b"host");
        if let Some(rest) = self.word(1).strip_prefix(b"http://") {
            hosts.extend(rest.split(|byte| *byte == b'/').next());
        }
        hosts.iter().any(|host| host.is_empty() || !host.iter().all(is_usual_in_host))
    }

    /// Returns true if the authority of the target is not the value of `Host`.
    pub(super) fn has_two_hosts(&self) -> bool {
        let Some(rest) = self.word(1).strip_prefix(b"http://") else { return false };
        let authority = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
        self.values(b"host").iter().any(|host| *host != authority)
    }

    pub(super) fn has_several(&self, name: &[u8]) -> bool {
        self.values(name).len() > 1
    }

    pub(super) fn has(&self, name: &[u8]) -> bool {
        !self.values(name).is_empty()
    }

    /// Returns true if there is an expectation other than `100-continue`.
    pub(super) fn has_other_expectation(&self) -> bool {
        let expectations = self.values(b"expect");
        expectations.iter().any(|value| !value.eq_ignore_ascii_case(b"100-continue"))
    }

    /// Returns true if a tab precedes or follows the value of a field that has to be parsed.
    pub(super) fn has_tab_around_a_value(&self) -> bool {
        for line in self.head().split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let (name, value) = line.split_at(colon);
            if PARSED.contains(&&name.to_ascii_lowercase()[..]) && value.contains(&b'\t') {
                return true;
            }
        }
        false
    }

    /// Returns true if there is white space between the name of a field and its colon.
    pub(super) fn has_space_before_a_colon(&self) -> bool {
        self.head().windows(2).any(|window| matches!(window, b" :" | b"\t:"))
    }

    /// Returns true if a `Content-Length` has a comma.
    pub(super) fn has_list_of_lengths(&self) -> bool {
        self.values(b"content-length").iter().any(|value| value.contains(&b','))
    }

    /// RFC 9110 §8.6: returns true unless `Content-Length` is one number.
    pub(super) fn has_faulty_length(&self) -> bool {
        let lengths = self.values(b"content-length");
        lengths.len() != 1 || lengths[0].is_empty() || !lengths[0].iter().all(u8::is_ascii_digit)
    }

    /// RFC 9112 §7.1.1: white space may be around the `;` and the `=` of a chunk extension.
    pub(super) fn has_space_in_an_extension(&self) -> bool {
        self.bytes.windows(2).any(|window| matches!(window, b" ;" | b"\t;" | b"; " | b"= "))
    }

    /// Returns true if a chunk size has more digits than a number of 64 bits needs.
    pub(super) fn has_long_chunk_size(&self) -> bool {
        let body = &self.bytes[self.head_length()..];
        body.windows(17).any(|window| window.iter().all(u8::is_ascii_hexdigit))
    }

    /// Returns true if a field of the framing, or `Connection`, is in the trailer section.
    pub(super) fn has_framing_trailer(&self) -> bool {
        let body = self.bytes[self.head_length()..].to_ascii_lowercase();
        let names = [&b"\ncontent-length:"[..], b"\ntransfer-encoding:", b"\nconnection:"];
        names.iter().any(|name| body.windows(name.len()).any(|window| window == *name))
    }

    /// Returns true for a response that has no content, but a length or a coding.
    pub(super) fn is_empty_with_framing(&self) -> bool {
        let is_empty = matches!(self.word(1), b"204" | b"304");
        is_empty && (self.has(b"content-length") || self.has(b"transfer-encoding"))
    }

    /// Returns true for a response with both a length and a coding.
    pub(super) fn has_length_and_coding(&self) -> bool {
        self.has(b"content-length") && self.has(b"transfer-encoding")
    }

    pub(super) fn has_bytes_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// A word of the start line.
    fn word(&self, number: usize) -> &'c [u8] {
        let line = self.head().split(|byte| *byte == b'\r').next().unwrap_or_default();
        line.split(|byte| *byte == b' ').nth(number).unwrap_or_default()
    }

    /// The values of a field, a line each, without white space around them.
    fn values(&self, name: &[u8]) -> Vec<&'c [u8]> {
        let mut values = Vec::new();
        for line in self.head().split(|byte| *byte == b'\n').skip(1) {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            if line[..colon].trim_ascii_end().eq_ignore_ascii_case(name) {
                values.push(line[colon + 1..].trim_ascii());
            }
        }
        values
    }

    /// The start line and the fields, without empty lines before them.
    fn head(&self) -> &'c [u8] {
        &self.bytes[self.head_start()..self.head_length()]
    }

    fn head_start(&self) -> usize {
        self.bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
    }

    fn head_length(&self) -> usize {
        let rest = &self.bytes[self.head_start()..];
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n");
        end.map_or(self.bytes.len(), |end| self.head_start() + end)
    }
}

fn is_usual_in_host(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
}
