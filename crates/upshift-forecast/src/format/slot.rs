//! The facts that a part of a line can hold, and how they are put together into a line.

use std::borrow::Cow;

use upshift_core::{TlsState, TlsVersion, Verdict};

use super::clock::{Clock, TimeFormat};
use crate::line::{
    FieldIndex, LineKind, LogLine, Logged, Malformed, RampRuling, Text, parse_http_version,
    read_request_line, strange_request,
};

/// The fact that a part of a line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Nothing that a policy reads.
    Ignored,
    /// The address of the other end of the connection, perhaps with a port.
    Peer,
    /// The requested host, perhaps with a port.
    Host,
    /// The request line.
    Request,
    /// The method.
    Method,
    /// The target, or a URL.
    Target,
    /// A URL, whose scheme is that of the connection, or a path.
    Url,
    /// The path without the query.
    Path,
    /// The query, perhaps with its `?`.
    Query,
    /// The part of the query that the writer's policy reads.
    QueryPart,
    /// `:protocol` of an extended CONNECT.
    Protocol,
    /// The version of HTTP.
    Http,
    /// The version of TLS; nothing if there is none.
    Tls,
    /// The version of HTTP of the client, or `unknown` where a proxy does not tell it.
    ResolvedHttp,
    /// The version of TLS of the client, `none`, `some`, or `unknown` where a proxy does not tell
    /// it.
    ResolvedTls,
    /// `http` or `https`.
    Scheme,
    /// `on`, or nothing.
    Https,
    /// The status of the response.
    Status,
    /// The time.
    Time(TimeFormat),
    /// The date of a time in two parts.
    Date,
    /// The time of day of a time in two parts.
    TimeOfDay,
    /// The rule that decided.
    DecidingRule,
    /// The fingerprint of the caller.
    Caller,
    /// The revision of the policy that decided.
    Revision,
    /// A rule from which the request was exempt. Its exemption follows.
    ExemptRule,
    /// The exemption from the rule before it.
    Exemption,
    /// A rule in a ramp, whose requirement the request did not meet. Its verdict follows.
    RampRule,
    /// The verdict of the rule before it.
    RampVerdict,
    /// A header field.
    Field(FieldIndex),
}

impl Slot {
    /// A byte that stands for the slot.
    pub(super) fn tag(self) -> u8 {
        match self {
            // Above all others; none of them is a newline, which is 10.
            Self::Field(field) => 64 + field,
            Self::Ignored => 20,
            Self::Peer => 21,
            Self::Host => 22,
            Self::Request => 23,
            Self::Method => 24,
            Self::Target => 25,
            Self::Path => 26,
            Self::Query => 27,
            Self::QueryPart => 28,
            Self::Protocol => 29,
            Self::Http => 30,
            Self::Tls => 31,
            Self::ResolvedHttp => 32,
            Self::ResolvedTls => 33,
            Self::Scheme => 34,
            Self::Https => 35,
            Self::Status => 36,
            Self::Time(_) => 37,
            Self::Date => 38,
            Self::TimeOfDay => 39,
            Self::Url => 40,
            Self::DecidingRule => 41,
            Self::Caller => 42,
            Self::Revision => 43,
            Self::ExemptRule => 44,
            Self::Exemption => 45,
            Self::RampRule => 46,
            Self::RampVerdict => 47,
        }
    }
}

/// Returns true if lines with these parts have a request: its line, or method and target.
pub(super) fn has_request(slots: &[Slot]) -> bool {
    let has_target = slots.iter().any(|slot| matches!(slot, Slot::Target | Slot::Url | Slot::Path));
    slots.contains(&Slot::Request) || (slots.contains(&Slot::Method) && has_target)
}

/// The parts of a line that only make sense together.
#[derive(Debug, Default)]
pub(crate) struct LineParts<'l> {
    request: Option<Text<'l>>,
    has_method: bool,
    has_path: bool,
    has_status: bool,
    tls: Option<TlsPart>,
    scheme: Option<bool>,
    date: Option<Text<'l>>,
    time_of_day: Option<Text<'l>>,
    exempt_rule: Option<Text<'l>>,
    ramp_rule: Option<Text<'l>>,
}

#[derive(Clone, Copy, Debug)]
enum TlsPart {
    None,
    Version(TlsVersion),
    /// A text that names no version.
    Unreadable,
}

impl<'l> LineParts<'l> {
    /// Puts a value into its place. `None` stands for a value that the request did not have.
    ///
    /// # Errors
    /// If the value is none of its kind.
    pub(crate) fn fill(
        &mut self,
        slot: Slot,
        value: Option<Text<'l>>,
        line: &mut LogLine<'l>,
        clock: &mut Clock,
    ) -> Result<(), Malformed> {
        match slot {
            Slot::Ignored => {}
            Slot::Peer => line.peer = logged(value),
            Slot::Host => line.host = logged(value),
            Slot::Request => self.request = Some(value.unwrap_or_default()),
            Slot::Method => {
                line.method = value.unwrap_or_default();
                self.has_method = true;
            }
            Slot::Target => {
                line.target = value.unwrap_or_default();
                self.has_path = true;
                // The target has the query, if there is one.
                line.query = Logged::Absent;
            }
            Slot::Url if self.has_path => {}
            Slot::Url => {
                let url = value.unwrap_or_default();
                if let Some(is_https) = url_scheme(&url) {
                    self.scheme = Some(is_https);
                    line.query = Logged::Absent;
                } else if url.contains(&b'?') {
                    line.query = Logged::Absent;
                }
                line.target = url;
            }
            // The target, which is as it was sent, counts where both are logged.
            Slot::Path if self.has_path => {}
            Slot::Path => {
                line.target = value.unwrap_or_default();
                if line.target.contains(&b'?') {
                    line.query = Logged::Absent;
                }
            }
            Slot::Query => line.query = logged(value.map(without_question_mark)),
            Slot::QueryPart => line.query = value.map_or(Logged::NotRecorded, Logged::Recorded),
            Slot::Protocol => line.protocol = value,
            Slot::Http => line.http = value.map_or(Logged::NotRecorded, read_version),
            Slot::Tls => self.tls = Some(TlsPart::read(value)),
            Slot::ResolvedHttp => {
                line.http = match value {
                    Some(text) if *text == *b"unknown" => Logged::Absent,
                    Some(text) => read_version(text),
                    None => Logged::NotRecorded,
                };
            }
            Slot::ResolvedTls => {
                line.tls = match value {
                    Some(text) => read_resolved_tls(&text),
                    None => Logged::NotRecorded,
                };
            }
            Slot::Scheme => self.scheme = value.map(|scheme| is_https(&scheme)),
            Slot::Https => self.scheme = Some(value.is_some_and(|flag| is_on(&flag))),
            Slot::Status => {
                line.status = read_status(value)?;
                self.has_status = true;
            }
            Slot::Time(format) => {
                let text = value.ok_or(Malformed::Time)?;
                line.time = Some(clock.read(format, &text).ok_or(Malformed::Time)?);
            }
            Slot::Date => self.date = value,
            Slot::TimeOfDay => self.time_of_day = value,
            Slot::DecidingRule => line.decision.rule = value,
            Slot::Caller => line.decision.caller = value,
            Slot::Revision => line.decision.revision = value,
            Slot::ExemptRule => self.exempt_rule = value,
            Slot::Exemption => {
                if let (Some(rule), Some(exemption)) = (self.exempt_rule.take(), value) {
                    line.decision.exempted.push((rule, exemption));
                }
            }
            Slot::RampRule => self.ramp_rule = value,
            Slot::RampVerdict => {
                if let (Some(rule), Some(verdict)) = (self.ramp_rule.take(), value) {
                    let is_refused = *verdict == *Verdict::Refuse.as_str().as_bytes();
                    line.decision.ramps.push(RampRuling { rule, is_refused });
                }
            }
            Slot::Field(field) => {
                line.recorded.insert(field);
                if let Some(value) = value {
                    line.fields.push((field, value));
                }
            }
        }
        Ok(())
    }

    /// Returns true if there was a status, or an empty one.
    pub(crate) fn has_status(&self) -> bool {
        self.has_status
    }

    /// Without a version of TLS or a scheme, there was no TLS.
    pub(crate) fn assume_cleartext(&mut self) {
        if self.tls.is_none() && self.scheme.is_none() {
            self.tls = Some(TlsPart::None);
        }
    }

    /// Completes the line.
    ///
    /// # Errors
    /// If it has no request.
    pub(crate) fn finish(
        self,
        line: &mut LogLine<'l>,
        clock: &mut Clock,
    ) -> Result<LineKind, Malformed> {
        if let (Some(date), Some(time)) = (&self.date, &self.time_of_day) {
            let text = [date, &b"T"[..], time, b"Z"].concat();
            line.time = Some(clock.read(TimeFormat::Iso, &text).ok_or(Malformed::Time)?);
        }
        if let Some(tls) = tls_state(self.tls, self.scheme) {
            line.tls = tls;
        }
        if let Some(request) = self.request {
            return read_request_line(request, line);
        }
        if !self.has_method {
            return Err(Malformed::Request);
        }
        if let Some(kind) = strange_request(&line.method) {
            return Ok(LineKind::NotRequest(kind));
        }
        if *line.method == *b"PRI" && *line.target == *b"*" {
            return Ok(LineKind::NotRequest(crate::line::NotRequest::Preface));
        }
        if line.target.is_empty() || *line.target == *b"-" {
            return match &*line.method {
                // Envoy logs no path for it.
                b"CONNECT" => Ok(LineKind::Request),
                _ => Err(Malformed::Request),
            };
        }
        Ok(LineKind::Request)
    }
}

impl TlsPart {
    fn read(value: Option<Text<'_>>) -> Self {
        let Some(value) = value else { return Self::None };
        if value.is_empty() || *value == *b"none" || *value == *b"-" {
            return Self::None;
        }
        let version = std::str::from_utf8(&value).ok().and_then(TlsVersion::parse);
        match version {
            Some(version) => Self::Version(version),
            None => Self::Unreadable,
        }
    }
}

fn read_resolved_tls(text: &[u8]) -> Logged<TlsState> {
    match text {
        b"unknown" => Logged::Absent,
        b"none" => Logged::Recorded(TlsState::Cleartext),
        b"some" => Logged::Recorded(TlsState::SomeVersion),
        _ => match std::str::from_utf8(text).ok().and_then(TlsVersion::parse) {
            Some(version) => Logged::Recorded(TlsState::Version(version)),
            None => Logged::NotRecorded,
        },
    }
}

fn tls_state(tls: Option<TlsPart>, scheme: Option<bool>) -> Option<Logged<TlsState>> {
    let state = match (tls, scheme) {
        (Some(TlsPart::Version(version)), _) => TlsState::Version(version),
        // A version that cannot be read is one all the same.
        (Some(TlsPart::Unreadable), _) | (_, Some(true)) => TlsState::SomeVersion,
        (Some(TlsPart::None), _) | (None, Some(false)) => TlsState::Cleartext,
        (None, None) => return None,
    };
    Some(Logged::Recorded(state))
}

fn logged(value: Option<Text<'_>>) -> Logged<Text<'_>> {
    match value {
        Some(value) => Logged::Recorded(value),
        None => Logged::Absent,
    }
}

fn without_question_mark(query: Text<'_>) -> Text<'_> {
    match query {
        Cow::Borrowed([b'?', rest @ ..]) => Cow::Borrowed(rest),
        Cow::Owned(query) if query.first() == Some(&b'?') => Cow::Owned(query[1..].to_vec()),
        other => other,
    }
}

fn read_version(text: Text<'_>) -> Logged<upshift_core::HttpVersion> {
    match parse_http_version(&text) {
        Some(version) => Logged::Recorded(version),
        None => Logged::NotRecorded,
    }
}

fn is_https(scheme: &[u8]) -> bool {
    matches!(scheme, b"https" | b"wss" | b"HTTPS")
}

/// Returns true for a URL of `https`, and false for one of `http`.
fn url_scheme(url: &[u8]) -> Option<bool> {
    if url.starts_with(b"https://") {
        return Some(true);
    }
    if url.starts_with(b"http://") { Some(false) } else { None }
}

fn is_on(flag: &[u8]) -> bool {
    matches!(flag, b"on" | b"ON" | b"1" | b"true")
}

fn read_status(value: Option<Text<'_>>) -> Result<Option<u16>, Malformed> {
    let Some(value) = value else { return Ok(None) };
    parse_status(&value)
}

/// Reads a status: 100 to 599, or nothing where there was no response (`0`, `-`, `000`).
#[inline]
pub(crate) fn parse_status(text: &[u8]) -> Result<Option<u16>, Malformed> {
    match text {
        [hundreds @ b'1'..=b'5', tens @ b'0'..=b'9', units @ b'0'..=b'9'] => {
            let digit = |byte: u8| u16::from(byte - b'0');
            Ok(Some(digit(*hundreds) * 100 + digit(*tens) * 10 + digit(*units)))
        }
        b"-" | b"0" | b"000" | b"-1" | b"" => Ok(None),
        _ => Err(Malformed::Status),
    }
}
