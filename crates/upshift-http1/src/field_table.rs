//! The fields of a header or trailer section, as offsets into the bytes that they were read from.
//!
//! Offsets remain valid when the bytes move, so a table can be kept while the buffer is grown,
//! frozen or copied.

use std::ops::Range;

use crate::field_id::{FieldId, FieldSet};
use crate::octets::is_same_name;

/// The number of fields that need no allocation. Browsers send 10 to 20.
const INLINE_FIELDS: usize = 24;

/// The position of a field in the bytes of its section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldSpan {
    name_start: u16,
    name_length: u16,
    value_start: u16,
    value_length: u16,
    id: FieldId,
}

impl FieldSpan {
    pub(crate) fn new(name: Range<usize>, value: Range<usize>, id: FieldId) -> Self {
        Self {
            name_start: narrow(name.start),
            name_length: narrow(name.len()),
            value_start: narrow(value.start),
            value_length: narrow(value.len()),
            id,
        }
    }

    /// The known name, if it is one.
    pub fn id(&self) -> FieldId {
        self.id
    }

    /// The range of the name.
    pub fn name(&self) -> Range<usize> {
        let start = usize::from(self.name_start);
        start..start + usize::from(self.name_length)
    }

    /// The range of the value, without surrounding white space.
    pub fn value(&self) -> Range<usize> {
        let start = usize::from(self.value_start);
        start..start + usize::from(self.value_length)
    }
}

/// A section has at most [`crate::limits::LARGEST_HEAD`] bytes.
fn narrow(offset: usize) -> u16 {
    debug_assert!(u16::try_from(offset).is_ok(), "{offset} is beyond the limit of a section");
    offset as u16
}

/// A field line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'b> {
    id: FieldId,
    name: &'b [u8],
    value: &'b [u8],
    is_title_case: bool,
}

impl<'b> Field<'b> {
    /// A field to send. It is checked when it is written.
    pub fn new(name: &'b [u8], value: &'b [u8]) -> Self {
        Self { id: FieldId::of_name(name), name, value, is_title_case: false }
    }

    /// A field to be sent whose name is written in title case, such as `Content-Type` for
    /// `content-type`. Names compare without case (RFC 9110 §5.1), but not every recipient knows
    /// that.
    pub fn in_title_case(name: &'b [u8], value: &'b [u8]) -> Self {
        Self { is_title_case: true, ..Self::new(name, value) }
    }

    /// The known name, if it is one.
    pub fn id(&self) -> FieldId {
        self.id
    }

    /// The name, in its original case.
    pub fn name(&self) -> &'b [u8] {
        self.name
    }

    /// The value, without surrounding white space.
    pub fn value(&self) -> &'b [u8] {
        self.value
    }

    pub(crate) fn is_title_case(&self) -> bool {
        self.is_title_case
    }
}

/// The fields of a section, in order.
///
/// Methods that take `bytes` expect the bytes of the event that contained the table.
#[derive(Clone, Debug, Default)]
pub struct FieldTable {
    present: FieldSet,
    count: usize,
    inline: [FieldSpan; INLINE_FIELDS],
    /// All fields, if there are more than fit inline.
    spilled: Vec<FieldSpan>,
}

impl FieldTable {
    /// A table for `count` fields.
    pub(crate) fn with_capacity(count: usize) -> Self {
        let mut table = Self::default();
        if count > INLINE_FIELDS {
            table.spilled.reserve_exact(count);
        }
        table
    }

    pub(crate) fn push(&mut self, span: FieldSpan) {
        self.present.insert(span.id);
        if self.spilled.capacity() == 0 {
            if let Some(slot) = self.inline.get_mut(self.count) {
                *slot = span;
                self.count += 1;
                return;
            }
            self.spilled.extend_from_slice(&self.inline);
        }
        self.spilled.push(span);
        self.count += 1;
    }

    /// The number of field lines.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Returns true if there are no fields.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The known names that are present.
    pub fn present(&self) -> FieldSet {
        self.present
    }

    /// Returns true if a field has this known name.
    pub fn contains(&self, id: FieldId) -> bool {
        self.present.contains(id)
    }

    /// The positions of all fields.
    pub fn spans(&self) -> &[FieldSpan] {
        if self.spilled.is_empty() { &self.inline[..self.count] } else { &self.spilled }
    }

    /// The positions of all fields called `name`, which is in lower case.
    pub fn spans_named<'t>(
        &'t self,
        name: &'t str,
        bytes: &'t [u8],
    ) -> impl Iterator<Item = &'t FieldSpan> {
        // To compare lengths first costs less than to find the id of `name`.
        self.spans().iter().filter(move |span| {
            usize::from(span.name_length) == name.len()
                && match span.id {
                    FieldId::Other => is_same_name(slice_of(bytes, span.name()), name.as_bytes()),
                    known => known.as_str() == name,
                }
        })
    }

    /// All fields.
    pub fn iter<'t>(&'t self, bytes: &'t [u8]) -> impl Iterator<Item = Field<'t>> {
        self.spans().iter().map(|span| Field {
            id: span.id,
            name: slice_of(bytes, span.name()),
            value: slice_of(bytes, span.value()),
            is_title_case: false,
        })
    }

    /// The values of all fields with a known name.
    pub fn values_of<'t>(&'t self, id: FieldId, bytes: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
        let named = self.spans().iter().filter(move |span| span.id == id);
        named.map(|span| slice_of(bytes, span.value()))
    }
}

/// The bytes of a range; empty if `bytes` are not those of the section.
pub(crate) fn slice_of(bytes: &[u8], range: Range<usize>) -> &[u8] {
    bytes.get(range).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a first spilled field that is lost or reordered.
    #[test]
    fn fields_stay_in_order_when_they_spill() {
        for count in [0, 1, INLINE_FIELDS, INLINE_FIELDS + 1, 90] {
            for expected in [0, count] {
                let mut table = FieldTable::with_capacity(expected);
                for place in 0..count {
                    table.push(FieldSpan::new(place..place + 1, 0..0, FieldId::Other));
                }
                let starts: Vec<usize> =
                    table.spans().iter().map(|span| span.name().start).collect();
                assert_eq!(starts, (0..count).collect::<Vec<usize>>());
                assert_eq!(table.len(), count);
            }
        }
    }

    #[test]
    fn values_are_found_by_id_and_by_name() {
        let bytes = b"Host: a\r\nX: b\r\n";
        let mut table = FieldTable::default();
        table.push(FieldSpan::new(0..4, 6..7, FieldId::Host));
        table.push(FieldSpan::new(9..10, 12..13, FieldId::Other));
        let hosts: Vec<&[u8]> = table.values_of(FieldId::Host, bytes).collect();
        assert_eq!(hosts, [b"a"]);
        let named: Vec<_> = table.spans_named("host", bytes).collect();
        assert_eq!((named.len(), named[0].value()), (1, 6..7));
        assert_eq!(table.spans_named("x", bytes).count(), 1);
        assert_eq!(table.spans_named("hosu", bytes).count(), 0);
        assert_eq!(table.iter(bytes).last().map(|field| field.value()), Some(&b"b"[..]));
        assert!(table.contains(FieldId::Host) && !table.contains(FieldId::Te));
    }
}
