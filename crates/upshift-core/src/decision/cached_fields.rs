//! The fields of a request, each read once from where they are.
//!
//! Ten rules that read one field would look it up ten times, and to look up a name in a header map
//! takes longer than the rest of a rule.

use std::cell::RefCell;

use crate::facts::Fields;
use crate::inline_vec::InlineVec;

/// The longest name that is kept. No field that is usual in a policy has a longer one.
const NAME_LIMIT: usize = 31;

/// The fields of a request that were read so far.
pub(super) struct CachedFields<'f> {
    source: &'f dyn Fields,
    read: RefCell<InlineVec<CachedField<'f>, 8>>,
}

/// A field that was read.
#[derive(Clone, Copy)]
struct CachedField<'f> {
    name: FieldKey,
    lines: [Option<&'f [u8]>; 2],
}

/// A name, kept without an allocation.
#[derive(Clone, Copy)]
struct FieldKey {
    length: u8,
    bytes: [u8; NAME_LIMIT],
}

impl<'f> CachedFields<'f> {
    pub(super) fn new(source: &'f dyn Fields) -> Self {
        Self { source, read: RefCell::default() }
    }

    /// The first two lines of a field; `None` if its name is too long to be kept.
    fn lines(&self, name: &str) -> Option<[Option<&'f [u8]>; 2]> {
        let mut read = self.read.borrow_mut();
        for field in &*read {
            if field.name.is(name) {
                return Some(field.lines);
            }
        }
        let field = CachedField { name: FieldKey::of(name)?, lines: self.source.first_two(name) };
        read.push(field);
        Some(field.lines)
    }
}

impl Fields for CachedFields<'_> {
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
        if index > 1 {
            return self.source.nth(name, index);
        }
        match self.lines(name) {
            Some(lines) => lines[index],
            None => self.source.nth(name, index),
        }
    }

    fn values<'v>(&'v self, name: &str) -> Vec<&'v [u8]> {
        self.source.values(name)
    }

    fn first_two<'v>(&'v self, name: &str) -> [Option<&'v [u8]>; 2] {
        match self.lines(name) {
            Some(lines) => lines,
            None => self.source.first_two(name),
        }
    }
}

impl FieldKey {
    fn of(name: &str) -> Option<Self> {
        let mut bytes = [0; NAME_LIMIT];
        bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        Some(Self { length: u8::try_from(name.len()).ok()?, bytes })
    }

    fn is(&self, name: &str) -> bool {
        let length = usize::from(self.length);
        length == name.len() && self.bytes[..length] == *name.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    struct Counted {
        lines: Vec<(String, &'static str)>,
        lookups: Cell<usize>,
    }

    impl Fields for Counted {
        fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
            self.lookups.set(self.lookups.get() + 1);
            self.lines.nth(name, index)
        }
    }

    #[test]
    fn fields_are_read_as_they_are_and_looked_up_once() {
        let long = "x-".repeat(20);
        let mut lines = vec![("a".to_owned(), "1"), (long.clone(), "9")];
        lines.extend(["2", "3", "4"].map(|value| ("b".to_owned(), value)));
        let counted = Counted { lines, lookups: Cell::new(0) };
        let cached = CachedFields::new(&counted);
        let fields: &dyn Fields = &cached;
        for _ in 0..10 {
            assert!(fields.all("a").eq([b"1"]) && fields.all("c").next().is_none());
        }
        assert_eq!(counted.lookups.get(), 4, "two fields, two lines each");
        assert!(fields.all("b").eq([b"2", b"3", b"4"]));
        assert!(fields.all(&long).eq([b"9"]));
        assert!(fields.is_contradictory("b") && !fields.is_contradictory(&long));
    }
}
