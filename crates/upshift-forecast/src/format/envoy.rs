//! Envoy's default format.

use super::clock::TimeFormat;
use super::escape::Escaping;
use super::nginx::field_slot;
use super::pattern::{Absence, Pattern, PatternBuilder};
use super::slot::Slot;
use crate::line::WantedFields;

/// `[%START_TIME%] "%REQ(:METHOD)% … %PROTOCOL%" %RESPONSE_CODE% …`. Quotes in it are not escaped.
pub(super) fn default_format(wanted: &WantedFields) -> Pattern {
    let mut builder = PatternBuilder::new();
    for (literal, slot) in [
        ("[", Slot::Time(TimeFormat::Iso)),
        ("] \"", Slot::Request),
        ("\" ", Slot::Status),
        // The flags, bytes and durations, and in later versions details.
        (" ", Slot::Ignored),
        (" \"", field_slot("x-forwarded-for", wanted)),
        ("\" \"", field_slot("user-agent", wanted)),
        ("\" \"", Slot::Ignored),
        ("\" \"", Slot::Host),
        ("\" \"", Slot::Ignored),
    ] {
        builder.push_literal(literal.as_bytes());
        // Each has a literal before it.
        let is_separated = builder.push_capture(slot);
        debug_assert!(is_separated);
    }
    builder.push_literal(b"\"");
    let pattern = builder.build(Escaping::Raw, Absence::Dash);
    Pattern { is_open: true, ..pattern }
}
