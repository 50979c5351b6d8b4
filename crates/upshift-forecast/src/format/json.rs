//! Formats that are one JSON object a line, with facts at the places that a mapping names.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;
use upshift_core::{Phase, Verdict};

use super::clock::{Clock, TimeFormat};
use super::cut::{LineCut, first_line};
use super::escape::bytes_of_latin1;
use super::format_error::FormatError;
use super::json_scan::{JsonScan, NotJson, Scalar};
use super::nginx::field_slot;
use super::slot::{LineParts, Slot, has_request};
use crate::line::{FieldIndex, LineKind, LogLine, Malformed, NotRequest, Text, WantedFields};

/// A format of JSON objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct JsonFormat {
    root: Node,
    /// Without a version of TLS in a line, there was no TLS.
    pub(super) omits_cleartext: bool,
    /// A line without the key of the status is not of this format.
    pub(super) needs_status: bool,
    /// The writer has applied its declared proxies.
    pub(super) is_resolved: bool,
    /// A dash stands for a value that the request did not have.
    pub(super) has_dashes: bool,
    /// The writer decided on every request, and its lines without a revision are no requests.
    pub(super) has_decisions: bool,
}

/// The meaning of the value at a key.
#[derive(Clone, Debug, Default)]
struct Node {
    slot: Option<Slot>,
    /// An object of header fields.
    is_headers: bool,
    /// An object of those header fields that are recorded.
    is_recorded_fields: bool,
    /// A list of the rulings of rules.
    is_rulings: bool,
    children: HashMap<Box<[u8]>, Self, RandomState>,
    /// Keys that are this and the name of a header field.
    field_prefix: Option<Box<str>>,
}

impl JsonFormat {
    /// Reads `path` (keys separated by dots) into `slot`.
    pub(super) fn map(&mut self, path: &str, slot: Slot) {
        self.node_at(path).slot = Some(slot);
    }

    /// Reads the object at `path` as header fields.
    pub(super) fn map_headers(&mut self, path: &str) {
        self.node_at(path).is_headers = true;
    }

    /// Reads the object at `path` as those header fields that are recorded.
    pub(super) fn map_recorded_fields(&mut self, path: &str) {
        self.node_at(path).is_recorded_fields = true;
    }

    /// Reads the list at `path` as the rulings of rules.
    pub(super) fn map_rulings(&mut self, path: &str) {
        self.node_at(path).is_rulings = true;
    }

    /// Reads keys of the object at `path` that begin with `prefix` as header fields.
    pub(super) fn map_field_prefix(&mut self, prefix: &str) {
        self.root.field_prefix = Some(prefix.into());
    }

    fn node_at(&mut self, path: &str) -> &mut Node {
        let mut node = &mut self.root;
        for key in path.split('.') {
            node = node.children.entry(key.as_bytes().into()).or_default();
        }
        node
    }

    /// Compiles the text after `json=`: `time=KEY,path=KEY,header:NAME=KEY,headers=KEY`.
    pub(super) fn compile(text: &str, wanted: &WantedFields) -> Result<Self, FormatError> {
        let mut format = Self::default();
        let mut slots = Vec::new();
        let mut position = 0;
        for pair in text.split(',') {
            let Some((fact, key)) = pair.split_once('=') else {
                let message = "expected FACT=KEY, such as time=ts".to_owned();
                return Err(FormatError { position, message });
            };
            match (fact.trim(), key.trim()) {
                ("headers", key) => format.map_headers(key),
                (fact, key) => match mapped_slot(fact, wanted) {
                    Some(slot) => {
                        format.map(key, slot);
                        slots.push(slot);
                    }
                    None => return Err(unknown_fact(fact, position)),
                },
            }
            position += pair.len() + 1;
        }
        if !has_request(&slots) {
            let message = "no request is mapped: it needs request, or method with target or path, \
                           such as method=m,path=uri"
                .to_owned();
            return Err(FormatError { position: 0, message });
        }
        Ok(format)
    }

    /// Cuts the first line of a text; `None` if the line must be read.
    pub(crate) fn cut<'l>(
        &self,
        text: &'l [u8],
        wanted: &WantedFields,
        cut: &mut LineCut<'l>,
        clock: &mut Clock,
    ) -> Option<()> {
        let (line, length) = first_line(text)?;
        let mut walk = Walk { wanted, values: Cutting { cut, clock } };
        walk.read_line(line, &self.root).ok()?;
        cut.length = length;
        Some(())
    }

    /// Reads a line.
    ///
    /// # Errors
    /// If it is not an object of JSON, or one of its values is none of its kind.
    pub(crate) fn parse<'l>(
        &self,
        text: &'l [u8],
        wanted: &WantedFields,
        line: &mut LogLine<'l>,
        clock: &mut Clock,
    ) -> Result<LineKind, Malformed> {
        line.is_resolved = self.is_resolved;
        let parts = LineParts::default();
        let values = Reading { wanted, line, clock, parts, has_dashes: self.has_dashes };
        let mut walk = Walk { wanted, values };
        walk.read_line(text, &self.root)?;
        let mut parts = walk.values.parts;
        if self.needs_status && !parts.has_status() {
            return Err(Malformed::Shape);
        }
        if self.omits_cleartext {
            parts.assume_cleartext();
        }
        let kind = parts.finish(line, clock)?;
        if self.has_decisions && kind == LineKind::Request && line.decision.revision.is_none() {
            return Ok(LineKind::NotRequest(NotRequest::Undecided));
        }
        Ok(kind)
    }
}

/// The taker of the values of a line, in their order.
trait TakeValues<'l> {
    /// Takes the value of a slot. In a list, an empty string is a value.
    fn take_value(
        &mut self,
        slot: Slot,
        value: Scalar<'l>,
        is_listed: bool,
    ) -> Result<(), Malformed>;

    /// Notes that all fields are recorded: one that is not there was not sent.
    fn note_all_fields(&mut self);
}

/// Reads the values of a line.
struct Reading<'r, 'l> {
    wanted: &'r WantedFields,
    line: &'r mut LogLine<'l>,
    clock: &'r mut Clock,
    parts: LineParts<'l>,
    has_dashes: bool,
}

impl<'l> TakeValues<'l> for Reading<'_, 'l> {
    fn take_value(
        &mut self,
        slot: Slot,
        value: Scalar<'l>,
        is_listed: bool,
    ) -> Result<(), Malformed> {
        let value = match value {
            // Of a header field, every value is a line of its own, also an empty one.
            Scalar::String(text) if is_listed => Some(bytes_of(text.text())),
            Scalar::String(text) if self.has_dashes && text.raw == b"-" => None,
            other => value_of(other),
        };
        self.parts.fill(slot, value, self.line, self.clock)
    }

    fn note_all_fields(&mut self) {
        self.line.recorded = self.wanted.all();
    }
}

/// Collects the values of a line as they are written.
struct Cutting<'c, 'l> {
    cut: &'c mut LineCut<'l>,
    clock: &'c mut Clock,
}

impl<'l> TakeValues<'l> for Cutting<'_, 'l> {
    fn take_value(
        &mut self,
        slot: Slot,
        value: Scalar<'l>,
        is_listed: bool,
    ) -> Result<(), Malformed> {
        let text = match value {
            Scalar::String(text) => text.raw,
            Scalar::Bare(text) => text,
            // In a list, it is not the same as an empty string.
            Scalar::Null if is_listed => return Err(Malformed::Shape),
            Scalar::Null => b"",
        };
        self.cut.push_slot(slot, text, self.clock).ok_or(Malformed::Shape)
    }

    fn note_all_fields(&mut self) {
        // No slot has it.
        self.cut.push_tag(0);
    }
}

/// The parts of a ruling.
#[derive(Default)]
struct RulingParts<'l> {
    rule: Option<Scalar<'l>>,
    verdict: Option<Scalar<'l>>,
    phase: Option<Scalar<'l>>,
    exemption: Option<Scalar<'l>>,
}

/// The walk through the values of a line.
struct Walk<'w, T> {
    wanted: &'w WantedFields,
    values: T,
}

impl<'l, T: TakeValues<'l>> Walk<'_, T> {
    fn read_line(&mut self, text: &'l [u8], root: &Node) -> Result<(), Malformed> {
        let mut scan = JsonScan::new(text);
        self.read_object(&mut scan, root)?;
        Ok(scan.expect_end()?)
    }

    fn read_object(&mut self, scan: &mut JsonScan<'l>, node: &Node) -> Result<(), Malformed> {
        let mut has_member = scan.open(b'{', b'}')?;
        while has_member {
            let key = scan.read_key()?;
            match node.child(&key) {
                Some(child) => self.read_member(scan, child)?,
                None => match self.prefixed_field(node, &key) {
                    Some(field) => self.read_into(scan, Slot::Field(field))?,
                    None => scan.skip_value()?,
                },
            }
            has_member = scan.next_member(b'}')?;
        }
        Ok(())
    }

    fn read_member(&mut self, scan: &mut JsonScan<'l>, node: &Node) -> Result<(), Malformed> {
        let first = scan.peek()?;
        match (first, node.slot) {
            (b'{', _) if node.is_headers => {
                self.values.note_all_fields();
                self.read_fields(scan)
            }
            (b'{', _) if !node.children.is_empty() => self.read_object(scan, node),
            (b'{', _) if node.is_recorded_fields => self.read_fields(scan),
            (b'[', _) if node.is_rulings => self.read_rulings(scan),
            (b'{', _) | (_, None) => Ok(scan.skip_value()?),
            (_, Some(slot)) => self.read_into(scan, slot),
        }
    }

    /// Reads a scalar, or a list of them, into a slot.
    fn read_into(&mut self, scan: &mut JsonScan<'l>, slot: Slot) -> Result<(), Malformed> {
        if scan.peek()? == b'{' {
            return Ok(scan.skip_value()?);
        }
        if scan.peek()? != b'[' {
            return self.values.take_value(slot, scan.read_scalar()?, false);
        }
        let mut has_member = scan.open(b'[', b']')?;
        while has_member {
            if matches!(scan.peek()?, b'{' | b'[') {
                scan.skip_value()?;
            } else {
                self.values.take_value(slot, scan.read_scalar()?, true)?;
            }
            has_member = scan.next_member(b']')?;
        }
        Ok(())
    }

    /// Reads an object with the fields that are recorded: those that are null were not sent.
    fn read_fields(&mut self, scan: &mut JsonScan<'l>) -> Result<(), Malformed> {
        let mut has_member = scan.open(b'{', b'}')?;
        while has_member {
            let name = scan.read_key()?;
            let field = std::str::from_utf8(&name).ok().and_then(|name| self.wanted.index_of(name));
            match field {
                Some(field) => self.read_into(scan, Slot::Field(field))?,
                None if name.eq_ignore_ascii_case(b"host") => self.read_into(scan, Slot::Host)?,
                None => scan.skip_value()?,
            }
            has_member = scan.next_member(b'}')?;
        }
        Ok(())
    }

    /// Reads a list of rulings, and takes the exemptions that they name and what ramps decided.
    fn read_rulings(&mut self, scan: &mut JsonScan<'l>) -> Result<(), Malformed> {
        let mut has_ruling = scan.open(b'[', b']')?;
        while has_ruling {
            if scan.peek()? == b'{' {
                self.read_ruling(scan)?;
            } else {
                scan.skip_value()?;
            }
            has_ruling = scan.next_member(b']')?;
        }
        Ok(())
    }

    fn read_ruling(&mut self, scan: &mut JsonScan<'l>) -> Result<(), Malformed> {
        let mut ruling = RulingParts::default();
        let mut has_member = scan.open(b'{', b'}')?;
        while has_member {
            match &*scan.read_key()? {
                b"rule" => ruling.rule = read_string_or_skip(scan)?,
                b"verdict" => ruling.verdict = read_string_or_skip(scan)?,
                b"phase" => ruling.phase = read_string_or_skip(scan)?,
                b"exemption" => ruling.exemption = read_string_or_skip(scan)?,
                _ => scan.skip_value()?,
            }
            has_member = scan.next_member(b'}')?;
        }
        self.take_ruling(ruling)
    }

    fn take_ruling(&mut self, ruling: RulingParts<'l>) -> Result<(), Malformed> {
        let Some(rule) = ruling.rule else { return Ok(()) };
        if let Some(exemption) = ruling.exemption {
            self.values.take_value(Slot::ExemptRule, rule, false)?;
            return self.values.take_value(Slot::Exemption, exemption, false);
        }
        let (Some(phase), Some(verdict)) = (ruling.phase, ruling.verdict) else {
            return Ok(());
        };
        // An admitted request meets the requirement, or the rule leaves it in doubt: no share of
        // a ramp changes that.
        let is_ramp = is_string(&phase, Phase::Ramp.as_str());
        if is_ramp && !is_string(&verdict, Verdict::Admit.as_str()) {
            self.values.take_value(Slot::RampRule, rule, false)?;
            self.values.take_value(Slot::RampVerdict, verdict, false)?;
        }
        Ok(())
    }

    fn prefixed_field(&self, node: &Node, key: &[u8]) -> Option<FieldIndex> {
        let prefix = node.field_prefix.as_deref()?;
        let name = std::str::from_utf8(key.strip_prefix(prefix.as_bytes())?).ok()?;
        self.wanted.index_of(name).or_else(|| self.wanted.index_of(&name.replace('_', "-")))
    }
}

impl Node {
    fn child(&self, key: &[u8]) -> Option<&Self> {
        self.children.get(key)
    }
}

/// The keys of a line of JSON, with dots within objects; empty if it is none.
pub(crate) fn keys_of_line(text: &[u8]) -> Vec<String> {
    let mut keys = Vec::new();
    match collect_keys(&mut JsonScan::new(text), "", &mut keys) {
        Ok(()) => keys,
        Err(NotJson) => Vec::new(),
    }
}

fn collect_keys(
    scan: &mut JsonScan<'_>,
    prefix: &str,
    keys: &mut Vec<String>,
) -> Result<(), NotJson> {
    let mut has_member = scan.open(b'{', b'}')?;
    while has_member {
        let key = scan.read_key()?;
        let path = format!("{prefix}{}", String::from_utf8_lossy(&key));
        // Deeper objects are rarely of use, and their number is not bounded.
        if scan.peek()? == b'{' && prefix.is_empty() {
            collect_keys(scan, &format!("{path}."), keys)?;
        } else {
            scan.skip_value()?;
            keys.push(path);
        }
        has_member = scan.next_member(b'}')?;
    }
    Ok(())
}

/// Goes past a value, and returns it if it is a string.
fn read_string_or_skip<'l>(scan: &mut JsonScan<'l>) -> Result<Option<Scalar<'l>>, NotJson> {
    if scan.peek()? == b'"' {
        return Ok(Some(scan.read_scalar()?));
    }
    scan.skip_value()?;
    Ok(None)
}

/// Returns true if the value is this string, without escapes.
fn is_string(value: &Scalar<'_>, text: &str) -> bool {
    matches!(value, Scalar::String(string) if string.raw == text.as_bytes())
}

/// The slot of a fact in a mapping.
fn mapped_slot(fact: &str, wanted: &WantedFields) -> Option<Slot> {
    let slot = match fact {
        "time" => Slot::Time(TimeFormat::Any),
        "client" => Slot::Peer,
        "host" => Slot::Host,
        "request" => Slot::Request,
        "method" => Slot::Method,
        "target" => Slot::Target,
        "path" => Slot::Path,
        "query" => Slot::Query,
        "http" => Slot::Http,
        "tls" => Slot::Tls,
        "scheme" => Slot::Scheme,
        "status" => Slot::Status,
        _ => field_slot(fact.strip_prefix("header:")?, wanted),
    };
    Some(slot)
}

fn unknown_fact(fact: &str, position: usize) -> FormatError {
    let message = format!(
        "`{fact}` is not a fact: expected time, client, host, request, method, target, path, \
         query, http, tls, scheme, status, headers or header:NAME"
    );
    FormatError { position, message }
}

/// The value; an empty one is none, because nginx writes nothing else for an absent field.
fn value_of(scalar: Scalar<'_>) -> Option<Text<'_>> {
    match scalar {
        Scalar::String(text) if text.raw.is_empty() => None,
        Scalar::String(text) => Some(bytes_of(text.text())),
        Scalar::Bare(text) => Some(Cow::Borrowed(text)),
        Scalar::Null => None,
    }
}

/// The bytes of a string. Envoy writes each byte as a character of its own.
fn bytes_of(text: Text<'_>) -> Text<'_> {
    let Cow::Owned(owned) = &text else { return text };
    let bytes = std::str::from_utf8(owned).ok().and_then(bytes_of_latin1);
    match bytes {
        // Only if the bytes are a text themselves: `é` alone is a character of any other writer.
        Some(bytes) if std::str::from_utf8(&bytes).is_ok() => Cow::Owned(bytes),
        _ => text,
    }
}

impl From<NotJson> for Malformed {
    fn from(_: NotJson) -> Self {
        Self::Json
    }
}
