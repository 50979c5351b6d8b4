//! The trace that a request belongs to: `traceparent` and `tracestate` (W3C Trace Context).

use std::fmt;

use http::{HeaderName, HeaderValue};
use upshift_core::Fields;

use crate::random::Random;

/// The field that names the trace and the caller's span.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The field with what the programs of a trace tell each other.
pub(crate) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The flag of a trace that may be recorded.
const SAMPLED: u8 = 0x01;

/// The flag of a trace whose id is random, which has to be passed on (Level 2 §3.2.2.5.2).
const RANDOM: u8 = 0x02;

/// The id of a trace, in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceId([u8; 32]);

/// The id of a span, in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpanId([u8; 16]);

/// The place of a request in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    /// The trace.
    pub(crate) trace_id: TraceId,
    /// The caller's span; `None`: the trace begins here.
    pub(crate) parent: Option<SpanId>,
    flags: u8,
}

impl TraceContext {
    /// The trace of a request with these fields; `None` if it has none, or the field is not valid.
    ///
    /// §3.2.2: `version "-" trace-id "-" parent-id "-" trace-flags`. §3.2.4: a field of a higher
    /// version may go on after that.
    pub(crate) fn from_fields(fields: &dyn Fields) -> Option<Self> {
        // A field that is repeated names no trace: it is not clear which one is meant.
        let [Some(line), None] = fields.first_two(TRACEPARENT.as_str()) else { return None };
        let (head, further) = line.split_at_checked(55)?;
        let is_allowed = match &head[..2] {
            b"00" => further.is_empty(),
            // §3.2.2.1: "Version ff is forbidden".
            b"ff" => false,
            _ => further.is_empty() || further.starts_with(b"-"),
        };
        let parts = [&head[..2], &head[3..35], &head[36..52], &head[53..]];
        let dashes = [head[2], head[35], head[52]];
        if !is_allowed || dashes != *b"---" || !parts.iter().all(|part| is_lower_hex(part)) {
            return None;
        }
        // §3.2.2.3, §3.2.2.4: ids of zeros alone are invalid.
        if is_zero(parts[1]) || is_zero(parts[2]) {
            return None;
        }
        let flags = u8::from_str_radix(std::str::from_utf8(parts[3]).ok()?, 16).ok()?;
        Some(Self {
            trace_id: TraceId(parts[1].try_into().ok()?),
            parent: Some(SpanId(parts[2].try_into().ok()?)),
            flags,
        })
    }

    /// A trace that begins here, and is not sampled.
    pub(crate) fn start(random: &mut Random) -> Self {
        // Never zeros alone, because the random numbers are never 0.
        Self { trace_id: TraceId(random.hex_digits()), parent: None, flags: 0 }
    }

    /// Returns true if the caller, or the one that began the trace, asks for it to be recorded.
    pub(crate) fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The same trace, sampled or not.
    pub(crate) fn with_sampled(self, sampled: bool) -> Self {
        let others = self.flags & !SAMPLED;
        Self { flags: if sampled { others | SAMPLED } else { others }, ..self }
    }

    /// The value of `traceparent` for a request that `span` makes.
    pub(crate) fn field_value(&self, span: SpanId) -> HeaderValue {
        let mut value = *b"00-00000000000000000000000000000000-0000000000000000-00";
        value[3..35].copy_from_slice(&self.trace_id.0);
        value[36..52].copy_from_slice(&span.0);
        // §3.2.2.5: flags that are not known "MUST" be set to zero. The others are one digit.
        value[54] += self.flags & (SAMPLED | RANDOM);
        HeaderValue::from_bytes(&value).unwrap_or(HeaderValue::from_static(""))
    }
}

impl SpanId {
    /// A new id.
    pub(crate) fn generate(random: &mut Random) -> Self {
        // Never zeros alone, because the random numbers are never 0.
        Self(random.hex_digits())
    }

    /// The id, in hexadecimal.
    pub(crate) fn as_str(&self) -> &str {
        // The digits are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl TraceId {
    /// The id, in hexadecimal.
    pub(crate) fn as_str(&self) -> &str {
        // The digits are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The last 64 bits, which a sampler compares.
    pub(crate) fn low_bits(&self) -> u64 {
        u64::from_str_radix(&self.as_str()[16..], 16).unwrap_or_default()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn is_lower_hex(digits: &[u8]) -> bool {
    digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_zero(digits: &[u8]) -> bool {
    digits.iter().all(|digit| *digit == b'0')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use http::HeaderMap;
    use upshift_http::HeaderFields;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn context_of(lines: &[&str]) -> Option<TraceContext> {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(TRACEPARENT, HeaderValue::from_str(line).unwrap());
        }
        TraceContext::from_fields(&HeaderFields(&fields))
    }

    #[test]
    fn a_valid_field_has_a_trace() {
        for (version, further) in [("00", ""), ("01", ""), ("cc", "-what-is-to-come")] {
            let line = format!("{version}-{TRACE}-00f067aa0ba902b7-01{further}");
            let context = context_of(&[&line]).unwrap();
            assert_eq!(context.trace_id.as_str(), TRACE, "{line}");
            assert_eq!(context.parent.unwrap().as_str(), "00f067aa0ba902b7", "{line}");
            assert!(context.is_sampled(), "{line}");
        }
    }

    #[test]
    fn any_other_field_has_none() {
        let zeros = "0".repeat(32);
        for line in [
            String::new(),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("00-{TRACE}-00f067aa0ba902b7-01."),
            format!("01-{TRACE}-00f067aa0ba902b7-01more"),
            format!("cc-{TRACE}-00f067aa0ba902b7-01.what-is-to-come"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!(".0-{TRACE}-00f067aa0ba902b7-01"),
            format!("000-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-0."),
            format!("00-{TRACE}-00f067aa0ba902b7-001"),
            format!("00-{TRACE}-00f067aa0ba902b7-1"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{zeros}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00_{TRACE}-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(context_of(&[&line]), None, "{line}");
        }
        let line = format!("00-{TRACE}-00f067aa0ba902b7-01");
        assert_eq!(context_of(&[]), None);
        assert_eq!(context_of(&[&line, &line]), None, "two lines");
    }

    #[test]
    fn the_next_field_names_our_span_and_no_unknown_flag() {
        let mut random = Random::new();
        let span = SpanId::generate(&mut random);
        for (received, sampled, sent) in
            [("01", true, "01"), ("ff", true, "03"), ("02", true, "03"), ("03", false, "02")]
        {
            let line = format!("00-{TRACE}-00f067aa0ba902b7-{received}");
            let context = context_of(&[&line]).unwrap().with_sampled(sampled);
            assert_eq!(context.field_value(span), format!("00-{TRACE}-{span}-{sent}"));
        }
    }

    #[test]
    fn a_trace_that_begins_here_is_read_by_the_next() {
        let mut random = Random::new();
        let context = TraceContext::start(&mut random).with_sampled(true);
        let span = SpanId::generate(&mut random);
        let sent = context.field_value(span);
        let received = context_of(&[sent.to_str().unwrap()]).unwrap();
        assert_eq!((received.trace_id, received.parent), (context.trace_id, Some(span)));
        assert!(received.is_sampled());
        let (_, digits) = context.trace_id.as_str().split_at(16);
        assert_eq!(format!("{:016x}", context.trace_id.low_bits()), digits);
    }
}
