//! The fields that a policy reads, by number.

use rustc_hash::FxHashMap;

use crate::field::FieldName;

/// The number of a field: its place among the distinct fields of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldId(u32);

/// The numbers of the fields of one policy, by their names in lower case.
#[derive(Debug, Default)]
pub(crate) struct FieldIds(FxHashMap<Box<str>, FieldId>);

/// A field that a rule or an exemption may read.
#[derive(Clone, Debug)]
pub(crate) struct NumberedField {
    pub(crate) id: FieldId,
    pub(crate) name: FieldName,
}

/// A set of fields of one policy.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldSet {
    /// The first 64 fields, as bits. Few policies read more.
    low: u64,
    others: Vec<FieldId>,
}

impl FieldIds {
    /// The field, with a new number if it has none yet.
    pub(super) fn number_field(&mut self, lower: &str) -> NumberedField {
        NumberedField { id: self.add(lower), name: FieldName::title_cased(lower) }
    }

    /// The number of a field, a new one if it has none yet.
    pub(super) fn add(&mut self, lower: &str) -> FieldId {
        if let Some(id) = self.id_of(lower) {
            return id;
        }
        // A policy with 2^32 fields would not fit into memory.
        let id = FieldId(self.0.len() as u32);
        self.0.insert(lower.into(), id);
        id
    }

    /// The number of a field, if the policy reads it.
    pub(crate) fn id_of(&self, lower: &str) -> Option<FieldId> {
        self.0.get(lower).copied()
    }
}

impl FieldSet {
    /// Adds a field; true if it was not in the set.
    pub(crate) fn insert(&mut self, field: FieldId) -> bool {
        let Some(bit) = 1_u64.checked_shl(field.0) else {
            let is_new = !self.others.contains(&field);
            if is_new {
                self.others.push(field);
            }
            return is_new;
        };
        let is_new = self.low & bit == 0;
        self.low |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_new_once() {
        let (mut ids, mut set) = (FieldIds::default(), FieldSet::default());
        for round in 0..2 {
            for number in 0..200 {
                let id = ids.add(&format!("x-{number}"));
                assert_eq!(set.insert(id), round == 0, "{number}");
            }
        }
    }
}
