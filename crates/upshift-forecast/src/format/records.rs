//! The records of one line, of which a batch has several.

use super::json_scan::JsonScan;

/// The records of a line, in their order.
pub(crate) enum Records<'l> {
    /// One, or none any more.
    One(Option<&'l [u8]>),
    /// Those of an array that are still to come.
    Batch(JsonScan<'l>),
}

impl<'l> Records<'l> {
    /// The line as a record.
    pub(super) fn of_line(text: &'l [u8]) -> Self {
        Self::One(Some(text))
    }

    /// The members of an array. A text that is no array is one record, which will not be read.
    pub(super) fn of_batch(text: &'l [u8]) -> Self {
        let mut whole = JsonScan::new(text);
        if whole.skip_value().and_then(|()| whole.expect_end()).is_err() {
            return Self::of_line(text);
        }
        let mut scan = JsonScan::new(text);
        match scan.open(b'[', b']') {
            Ok(true) => Self::Batch(scan),
            _ => Self::One(None),
        }
    }
}

impl<'l> Iterator for Records<'l> {
    type Item = &'l [u8];

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::One(text) => text.take(),
            Self::Batch(scan) => {
                let member = scan.take_value().ok()?;
                if !scan.next_member(b']').unwrap_or(false) {
                    *self = Self::One(None);
                }
                Some(member)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_several_records() {
        for (text, records) in [
            ("[{\"a\":[1]} , {\"b\":\"]\"}]", &["{\"a\":[1]}", "{\"b\":\"]\"}"][..]),
            ("[]", &[]),
            ("[1]", &["1"]),
            ("[{\"a\":1}", &["[{\"a\":1}"]),
            ("[{\"a\":1}] x", &["[{\"a\":1}] x"]),
        ] {
            let found: Vec<_> =
                Records::of_batch(text.as_bytes()).map(String::from_utf8_lossy).collect();
            assert_eq!(found, records, "{text}");
        }
    }
}
