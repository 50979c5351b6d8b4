//! One line of a log: the facts that it records, borrowed from it where nothing was escaped.

use std::borrow::Cow;

use upshift_core::{Fields, HttpVersion, TlsState};

/// Bytes of a line, without the escapes of its writer.
pub type Text<'l> = Cow<'l, [u8]>;

/// One fact of a line.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Logged<T> {
    /// The line records it.
    Recorded(T),
    /// The format records it, and the request had none.
    Absent,
    /// The line does not say.
    #[default]
    NotRecorded,
}

/// The request of one line.
#[derive(Clone, Debug, Default)]
pub struct LogLine<'l> {
    /// The time, in seconds since 1970; `None` if the format has none.
    pub time: Option<i64>,
    /// The address of the other end of the connection, as text.
    pub peer: Logged<Text<'l>>,
    /// The requested host, perhaps with a port.
    pub host: Logged<Text<'l>>,
    /// The method.
    pub method: Text<'l>,
    /// The target as it was sent, or the path where the query is logged apart.
    pub target: Text<'l>,
    /// The query, where it is logged apart from the target; absent where the target has it.
    pub query: Logged<Text<'l>>,
    /// The version of HTTP; absent if the writer itself does not know the client's.
    pub http: Logged<HttpVersion>,
    /// The protection of the connection; absent if the writer itself does not know the client's.
    pub tls: Logged<TlsState>,
    /// `:protocol` of an extended CONNECT (RFC 8441 §4).
    pub protocol: Option<Text<'l>>,
    /// The status of the response; `None` if the line has none.
    pub status: Option<u16>,
    /// The header fields of the request, as far as they are wanted.
    pub fields: Vec<(FieldIndex, Text<'l>)>,
    /// The header fields that the line would show if the request had them.
    pub recorded: FieldSet,
    /// True if a value may have shifted those after it, because the writer does not escape: then no
    /// field is recorded.
    pub is_ambiguous: bool,
    /// True if the writer has applied its declared proxies: the peer is the client.
    pub is_resolved: bool,
    /// The decision of the writer.
    pub decision: RecordedDecision<'l>,
}

/// The decision on the request of a line; empty if its writer records none.
#[derive(Clone, Debug, Default)]
pub struct RecordedDecision<'l> {
    /// The rule that decided.
    pub rule: Option<Text<'l>>,
    /// The fingerprint of the caller, as that rule identifies it.
    pub caller: Option<Text<'l>>,
    /// The revision of the policy.
    pub revision: Option<Text<'l>>,
    /// The rules from which the request was exempt, each with the exemption.
    pub exempted: Vec<(Text<'l>, Text<'l>)>,
    /// The rulings of the rules that were in a ramp and whose requirement the request did not meet.
    pub ramps: Vec<RampRuling<'l>>,
}

/// The ruling of a rule in a ramp on a request that does not meet its requirement.
#[derive(Clone, Debug)]
pub struct RampRuling<'l> {
    /// The rule.
    pub rule: Text<'l>,
    /// True if the ramp refused the request, and false if its turn had not come.
    pub is_refused: bool,
}

/// The place of a field in [`WantedFields`].
pub type FieldIndex = u8;

/// The names of the header fields that a policy reads, in lower case. No other field of a line is
/// looked at.
#[derive(Clone, Debug)]
pub struct WantedFields(Vec<Box<str>>);

/// A set of wanted fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldSet(u64);

/// The fields of a line with their names, as the core reads them.
#[derive(Clone, Copy, Debug)]
pub struct NamedFields<'n, 'l> {
    /// The names.
    pub wanted: &'n WantedFields,
    /// The fields.
    pub values: &'n [(FieldIndex, Text<'l>)],
}

/// The subject of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// A request.
    Request,
    /// Something that is not a request.
    NotRequest(NotRequest),
    /// Nothing that is counted: an empty line, or a directive such as `#Fields:`.
    Directive,
}

/// A line that records something else than a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotRequest {
    /// The first bytes of TLS, on a port without TLS.
    TlsHello,
    /// A request that the server could not read.
    Unreadable,
    /// A connection without a request: closed, timed out or cut off.
    NoRequest,
    /// The preface of HTTP/2 (RFC 9113 §3.4).
    Preface,
    /// A message of the server among the requests.
    ServerMessage,
    /// A TLS connection, whose requests the log does not record.
    TlsConnection,
    /// A request that the gateway answered before its policy decided.
    Undecided,
}

/// The reason why a line cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Malformed {
    /// It does not have the parts of the format.
    Shape,
    /// Its time is none.
    Time,
    /// Its status is none.
    Status,
    /// It has no method and target.
    Request,
    /// It is not an object of JSON.
    Json,
    /// It is longer than a line may be.
    TooLong,
    /// It comes before the line that names the fields.
    NoFields,
}

impl NotRequest {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TlsHello => "tls-hello",
            Self::Unreadable => "unreadable",
            Self::NoRequest => "no-request",
            Self::Preface => "http2-preface",
            Self::ServerMessage => "server-message",
            Self::TlsConnection => "tls-connection",
            Self::Undecided => "undecided",
        }
    }
}

impl Malformed {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shape => "shape",
            Self::Time => "time",
            Self::Status => "status",
            Self::Request => "request",
            Self::Json => "json",
            Self::TooLong => "too-long",
            Self::NoFields => "no-fields",
        }
    }

    /// The fault in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Shape => "not a line of this format",
            Self::Time => "not a time where the time should be",
            Self::Status => "not a status where the status should be",
            Self::Request => "no method and target where the request should be",
            Self::Json => "not a JSON object",
            Self::TooLong => "longer than 1 MiB",
            Self::NoFields => "before the line that names the fields",
        }
    }
}

impl<T> Logged<T> {
    /// The value, if the line records one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Recorded(value) => Some(value),
            Self::Absent | Self::NotRecorded => None,
        }
    }
}

impl LogLine<'_> {
    /// Forgets the line before, and keeps the memory.
    pub fn clear(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = Self { fields, ..Self::default() };
    }
}

impl RecordedDecision<'_> {
    /// Returns true if the policy of this revision made the decision.
    pub(crate) fn is_of(&self, revision: &str) -> bool {
        self.revision.as_deref() == Some(revision.as_bytes())
    }
}

impl WantedFields {
    /// The most fields that are looked at.
    pub const MOST: usize = 64;

    /// The fields of these names (lower case), each once. Those beyond [`WantedFields::MOST`] are
    /// left out, and so count as not recorded.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut wanted: Vec<Box<str>> = Vec::new();
        for name in names {
            if wanted.len() < Self::MOST && !wanted.iter().any(|known| **known == *name) {
                wanted.push(name.into());
            }
        }
        Self(wanted)
    }

    /// The place of a field, by its name in any case.
    pub fn index_of(&self, name: &str) -> Option<FieldIndex> {
        let index = self.0.iter().position(|wanted| wanted.eq_ignore_ascii_case(name))?;
        FieldIndex::try_from(index).ok()
    }

    /// All of them.
    pub fn all(&self) -> FieldSet {
        let mut set = FieldSet::default();
        for index in 0..self.0.len() {
            set.insert(index as FieldIndex);
        }
        set
    }

    /// Their number.
    pub(crate) fn len(&self) -> FieldIndex {
        self.0.len() as FieldIndex
    }

    /// The name of a field.
    pub fn name(&self, index: FieldIndex) -> &str {
        &self.0[usize::from(index)]
    }
}

impl FieldSet {
    /// Adds a field.
    pub fn insert(&mut self, field: FieldIndex) {
        self.0 |= 1 << field;
    }

    /// Adds a field, if it is wanted at all.
    pub(crate) fn insert_some(&mut self, field: Option<FieldIndex>) {
        if let Some(field) = field {
            self.insert(field);
        }
    }

    /// The set as bits.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// Returns true if the field is in the set.
    pub fn contains(self, field: FieldIndex) -> bool {
        self.0 >> field & 1 == 1
    }
}

impl Fields for NamedFields<'_, '_> {
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
        let field = self.wanted.index_of(name)?;
        let mut lines = self.values.iter().filter(|(known, _)| *known == field);
        let (_, value) = lines.nth(index)?;
        Some(value)
    }
}

/// Reads the request line of a log into `line`.
///
/// # Errors
/// If it is no request line at all.
pub(crate) fn read_request_line<'l>(
    text: Text<'l>,
    line: &mut LogLine<'l>,
) -> Result<LineKind, Malformed> {
    if let Some(kind) = strange_request(&text) {
        return Ok(LineKind::NotRequest(kind));
    }
    // Methods are short: a loop is faster than a search.
    let Some(first) = text.iter().position(|byte| *byte == b' ') else {
        return Err(Malformed::Request);
    };
    let Some((last, http)) = split_version(&text) else {
        return read_versionless(text, first, line);
    };
    if last <= first {
        return read_versionless(text, first, line);
    }
    line.http = http;
    (line.method, line.target) = split_request(text, first, last);
    // The target has the query, if there is one.
    line.query = Logged::Absent;
    Ok(LineKind::Request)
}

/// The version at the end of a request line, and the space before it.
fn split_version(text: &[u8]) -> Option<(usize, Logged<HttpVersion>)> {
    // Nearly all versions have this length.
    const LENGTH: usize = b" HTTP/1.1".len();
    let begin = text.len().checked_sub(LENGTH)?;
    match &text[begin..] {
        b" HTTP/1.1" => return Some((begin, Logged::Recorded(HttpVersion::V1_1))),
        b" HTTP/2.0" => return Some((begin, Logged::Recorded(HttpVersion::V2))),
        _ => {}
    }
    // From the end, because some clients send spaces in the target.
    let last = memchr::memrchr(b' ', text)?;
    let version = &text[last + 1..];
    if !version.starts_with(b"HTTP/") {
        return None;
    }
    match parse_http_version(version) {
        Some(version) => Some((last, Logged::Recorded(version))),
        None => Some((last, Logged::NotRecorded)),
    }
}

/// Returns the kind of a request line that is none.
pub(crate) fn strange_request(text: &[u8]) -> Option<NotRequest> {
    match text {
        b"" | b"-" => Some(NotRequest::NoRequest),
        b"<BADREQ>" => Some(NotRequest::Unreadable),
        // RFC 8446 §5.1: a handshake record, of version 3.x; Apache cuts at the NUL that follows.
        [0x16, 0x03, ..] => Some(NotRequest::TlsHello),
        // Varnish writes `- http://localhost HTTP/1.0`, and Envoy `- - HTTP/1.1`.
        [b'-', b' ', ..] => Some(NotRequest::Unreadable),
        _ if text.starts_with(b"PRI * HTTP/2") => Some(NotRequest::Preface),
        _ => None,
    }
}

/// A request line without a version is one of HTTP/0.9, or of a client that did not finish.
fn read_versionless<'l>(
    text: Text<'l>,
    first: usize,
    line: &mut LogLine<'l>,
) -> Result<LineKind, Malformed> {
    match line.status {
        // Only a server that speaks HTTP/0.9 answers it with success.
        Some(200..=299) => {}
        Some(_) => return Ok(LineKind::NotRequest(NotRequest::NoRequest)),
        None => return Err(Malformed::Request),
    }
    let end = text.len();
    line.http = Logged::Recorded(HttpVersion::V0_9);
    line.query = Logged::Absent;
    (line.method, line.target) = split_request(text, first, end);
    Ok(LineKind::Request)
}

fn split_request(text: Text<'_>, first: usize, last: usize) -> (Text<'_>, Text<'_>) {
    match text {
        Cow::Borrowed(text) => {
            (Cow::Borrowed(&text[..first]), Cow::Borrowed(&text[first + 1..last]))
        }
        Cow::Owned(text) => {
            (Cow::Owned(text[..first].to_vec()), Cow::Owned(text[first + 1..last].to_vec()))
        }
    }
}

/// Parses a version of HTTP as servers log it.
pub(crate) fn parse_http_version(text: &[u8]) -> Option<HttpVersion> {
    match text {
        b"HTTP/1.1" => Some(HttpVersion::V1_1),
        b"HTTP/2.0" => Some(HttpVersion::V2),
        // Azure Front Door writes `2.0.0.0`.
        _ => {
            let bare = text.strip_suffix(b".0.0").unwrap_or(text);
            HttpVersion::parse(std::str::from_utf8(bare).ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, status: u16) -> (Result<LineKind, Malformed>, String, String) {
        let mut line = LogLine { status: Some(status), ..LogLine::default() };
        let kind = read_request_line(Cow::Borrowed(text.as_bytes()), &mut line);
        let owned = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        let (method, target) = (owned(&line.method), owned(&line.target));
        (kind, method, target)
    }

    #[test]
    fn request_lines_are_split() {
        let (kind, method, target) = read("GET /a b?c=d e HTTP/1.1", 200);
        assert_eq!(
            (kind, method.as_str(), target.as_str()),
            (Ok(LineKind::Request), "GET", "/a b?c=d e")
        );
        let (kind, _, target) = read("GET /nine", 200);
        assert_eq!((kind, target.as_str()), (Ok(LineKind::Request), "/nine"));
    }

    #[test]
    fn what_is_no_request_is_named() {
        for (text, status, kind) in [
            ("-", 408, NotRequest::NoRequest),
            ("", 400, NotRequest::NoRequest),
            ("<BADREQ>", 400, NotRequest::Unreadable),
            ("\u{16}\u{3}\u{1}", 400, NotRequest::TlsHello),
            ("PRI * HTTP/2.0", 200, NotRequest::Preface),
            ("GET /idle", 408, NotRequest::NoRequest),
            ("- - HTTP/1.1", 400, NotRequest::Unreadable),
        ] {
            assert_eq!(read(text, status).0, Ok(LineKind::NotRequest(kind)), "{text}");
        }
        assert_eq!(read("nonsense", 200).0, Err(Malformed::Request));
    }
}
