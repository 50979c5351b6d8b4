//! The head of a request.

use std::ops::Range;

use crate::fault::{FaultClass, Malformed};
use crate::field_id::FieldId;
use crate::field_table::{FieldTable, slice_of};
use crate::framing::{Framing, FramingFields, request_framing};
use crate::head::connection::ConnectionOptions;
use crate::head::host::is_host_value;
use crate::head::section_fields::{SpaceBeforeColon, parse_fields};
use crate::head::section_reader::Section;
use crate::head::start_line::RequestLine;
use crate::head::target::{TargetForm, absolute_authority, target_form};
use crate::limits::Limits;
use crate::octets::trim_ows;
use crate::version::Version;

/// The value of `Expect`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expectation {
    /// None, or an ignored one, as in HTTP/1.0 (RFC 9110 §10.1.1).
    #[default]
    None,
    /// `100-continue`, on a request with content. There may be others beside it.
    Continue,
    /// Only others. RFC 9110 §10.1.1 lets a server respond with 417.
    Unknown,
}

/// The head of a request, as offsets into the bytes of its event.
#[derive(Clone, Debug)]
pub struct RequestHead {
    line: RequestLine,
    fields: FieldTable,
    form: TargetForm,
    framing: Framing,
    expectation: Expectation,
    keeps_alive: bool,
    offers_switch: bool,
    accepts_trailers: bool,
}

impl RequestHead {
    /// Parses the fields of a complete section, and derives the framing and options from them.
    pub(crate) fn parse(
        bytes: &[u8],
        section: Section<RequestLine>,
        limits: &Limits,
    ) -> Result<Self, Malformed> {
        let Section { line, fields_start, fields: count, .. } = section;
        let fields = parse_fields(bytes, fields_start, count, SpaceBeforeColon::Reject)?;
        let method = slice_of(bytes, line.method.clone());
        let form = target_form(method, slice_of(bytes, line.target.clone()))
            .ok_or(Malformed::new(FaultClass::Target, line.target.start))?;
        let head = FramingFields { version: line.version, fields: &fields, bytes };
        if limits.checks_host {
            check_host(&head)?;
        }
        let options = read_connection(&head, limits)?;
        let framing = request_framing(&head)?;
        check_content(method, framing, &head)?;
        let is_http11 = line.version == Version::Http11;
        Ok(Self {
            form,
            framing,
            expectation: read_expectation(&head, framing),
            // RFC 9112 §9.3.
            keeps_alive: !options.close && (is_http11 || options.keep_alive),
            // RFC 9110 §7.8: "A server that receives an Upgrade header field in an HTTP/1.0 request
            // MUST ignore that Upgrade field", and §7.6.1: the field needs its option.
            offers_switch: is_http11 && options.upgrade && fields.contains(FieldId::Upgrade),
            accepts_trailers: is_http11 && accepts_trailers(&head),
            line,
            fields,
        })
    }

    /// The method: any token, case-sensitive.
    pub fn method<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        slice_of(bytes, self.line.method.clone())
    }

    /// The target, as it was sent.
    pub fn target<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        slice_of(bytes, self.line.target.clone())
    }

    /// The range of the target.
    pub fn target_range(&self) -> Range<usize> {
        self.line.target.clone()
    }

    /// The form of the target.
    pub fn target_form(&self) -> TargetForm {
        self.form
    }

    /// The requested host and port, from the target or else from `Host`; `None` if neither has
    /// them.
    pub fn authority<'b>(&'b self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        match self.form {
            // RFC 9112 §3.2.2: a server "MUST ignore the received Host header field (if any) and
            // instead use the host information of the request-target."
            TargetForm::Absolute => absolute_authority(self.target(bytes)),
            TargetForm::Authority => Some(self.target(bytes)),
            TargetForm::Origin | TargetForm::Asterisk => {
                self.fields.values_of(FieldId::Host, bytes).next()
            }
        }
    }

    /// The version.
    pub fn version(&self) -> Version {
        self.line.version
    }

    /// The fields.
    pub fn fields(&self) -> &FieldTable {
        &self.fields
    }

    /// The framing of the content.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// The value of `Expect`.
    pub fn expectation(&self) -> Expectation {
        self.expectation
    }

    /// Returns true if the client lets the connection persist.
    pub fn keeps_alive(&self) -> bool {
        self.keeps_alive
    }

    /// Returns true if the client offers to switch protocols: `Upgrade`, and its option in
    /// `Connection`.
    pub fn offers_switch(&self) -> bool {
        self.offers_switch
    }

    /// Returns true if the client accepts trailers: `TE: trailers`.
    pub fn accepts_trailers(&self) -> bool {
        self.accepts_trailers
    }
}

/// RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1
/// request message that lacks a Host header field and to any request message that contains more
/// than one Host header field line or a Host header field with an invalid field value."
fn check_host(head: &FramingFields<'_>) -> Result<(), Malformed> {
    let fault = Malformed::new(FaultClass::Host, head.place_of(FieldId::Host));
    if !head.fields.contains(FieldId::Host) {
        return match head.version {
            Version::Http10 => Ok(()),
            Version::Http11 => Err(fault),
        };
    }
    let mut hosts = head.fields.values_of(FieldId::Host, head.bytes);
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host_value(host) => Ok(()),
        _ => Err(fault),
    }
}

/// Reads the options of `Connection`.
pub(crate) fn read_connection(
    head: &FramingFields<'_>,
    limits: &Limits,
) -> Result<ConnectionOptions, Malformed> {
    let mut options = ConnectionOptions::default();
    if head.fields.contains(FieldId::Connection) {
        for line in head.fields.values_of(FieldId::Connection, head.bytes) {
            options.add_line(line);
        }
    }
    if options.names_essential && !limits.ignores_essential_options {
        let at = head.place_of(FieldId::Connection);
        return Err(Malformed::new(FaultClass::ConnectionOption, at));
    }
    Ok(options)
}

fn check_content(
    method: &[u8],
    framing: Framing,
    head: &FramingFields<'_>,
) -> Result<(), Malformed> {
    let is_wrong = match method {
        // RFC 9110 §9.3.6: content of CONNECT has no meaning; servers read it as tunnel data.
        b"CONNECT" => framing != Framing::None,
        // RFC 9110 §9.3.8: "A client MUST NOT send content in a TRACE request."
        b"TRACE" => !matches!(framing, Framing::None | Framing::Length(0)),
        _ => false,
    };
    if !is_wrong {
        return Ok(());
    }
    let length = head.place_of(FieldId::ContentLength);
    let at = length.max(head.place_of(FieldId::TransferEncoding));
    Err(Malformed::new(FaultClass::ContentNotAllowed, at))
}

fn read_expectation(head: &FramingFields<'_>, framing: Framing) -> Expectation {
    // RFC 9110 §10.1.1: "A server that receives a 100-continue expectation in an HTTP/1.0 request
    // MUST ignore that expectation."
    if head.version == Version::Http10 || !head.fields.contains(FieldId::Expect) {
        return Expectation::None;
    }
    // RFC 9110 §10.1.1: a list. A server that does not know another expectation may ignore it, but
    // the client still waits for the 100.
    let mut expects = false;
    for value in head.fields.values_of(FieldId::Expect, head.bytes) {
        for element in value.split(|byte| *byte == b',') {
            expects |= trim_ows(element).eq_ignore_ascii_case(b"100-continue");
        }
    }
    match framing {
        _ if !expects => Expectation::Unknown,
        Framing::None | Framing::Length(0) => Expectation::None,
        _ => Expectation::Continue,
    }
}

/// RFC 9110 §10.1.4: `TE: trailers`.
fn accepts_trailers(head: &FramingFields<'_>) -> bool {
    if !head.fields.contains(FieldId::Te) {
        return false;
    }
    for value in head.fields.values_of(FieldId::Te, head.bytes) {
        for element in value.split(|byte| *byte == b',') {
            if trim_ows(element).eq_ignore_ascii_case(b"trailers") {
                return true;
            }
        }
    }
    false
}
