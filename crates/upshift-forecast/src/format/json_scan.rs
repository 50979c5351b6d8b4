//! A scanner of JSON (RFC 8259) that borrows strings, and skips what is not wanted without parsing
//! it.

use std::borrow::Cow;

use super::escape::Escaping;

/// The deepest nesting that is followed.
const DEEPEST: usize = 64;

/// The place in a text.
#[derive(Clone, Debug)]
pub(crate) struct JsonScan<'t> {
    text: &'t [u8],
    at: usize,
}

/// A value that is not an object or an array.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'t> {
    /// A string.
    String(RawString<'t>),
    /// A number or a boolean, as it is written.
    Bare(&'t [u8]),
    Null,
}

/// A string as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RawString<'t> {
    pub(super) raw: &'t [u8],
    pub(super) has_escape: bool,
}

impl<'t> RawString<'t> {
    /// The string without its escapes.
    pub(super) fn text(self) -> Cow<'t, [u8]> {
        if self.has_escape { Escaping::Json.unescape(self.raw) } else { Cow::Borrowed(self.raw) }
    }
}

/// The text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotJson;

impl<'t> JsonScan<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte that is not white space.
    pub(super) fn peek(&mut self) -> Result<u8, NotJson> {
        while let Some(byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Ok(*byte);
            }
            self.at += 1;
        }
        Err(NotJson)
    }

    /// Goes past this byte.
    pub(super) fn expect(&mut self, wanted: u8) -> Result<(), NotJson> {
        if self.peek()? != wanted {
            return Err(NotJson);
        }
        self.at += 1;
        Ok(())
    }

    /// Succeeds if there is nothing more.
    pub(super) fn expect_end(&mut self) -> Result<(), NotJson> {
        if self.peek().is_ok() { Err(NotJson) } else { Ok(()) }
    }

    /// Goes into an object or an array; false if it is empty, and then past it.
    pub(super) fn open(&mut self, open: u8, close: u8) -> Result<bool, NotJson> {
        self.expect(open)?;
        if self.peek()? != close {
            return Ok(true);
        }
        self.at += 1;
        Ok(false)
    }

    /// Goes past a comma, or past the end; false at the end.
    pub(super) fn next_member(&mut self, close: u8) -> Result<bool, NotJson> {
        let byte = self.peek()?;
        self.at += 1;
        match byte {
            b',' => Ok(true),
            _ if byte == close => Ok(false),
            _ => Err(NotJson),
        }
    }

    /// Goes past a key and its colon.
    pub(super) fn read_key(&mut self) -> Result<Cow<'t, [u8]>, NotJson> {
        let key = self.read_string()?;
        self.expect(b':')?;
        Ok(key.text())
    }

    /// Goes past a string.
    pub(super) fn read_string(&mut self) -> Result<RawString<'t>, NotJson> {
        self.expect(b'"')?;
        let begin = self.at;
        let mut has_escape = false;
        loop {
            let rest = self.text.get(self.at..).ok_or(NotJson)?;
            let mark = memchr::memchr2(b'"', b'\\', rest).ok_or(NotJson)?;
            self.at += mark;
            if rest[mark] == b'"' {
                break;
            }
            has_escape = true;
            self.at += 2;
        }
        let raw = &self.text[begin..self.at];
        self.at += 1;
        Ok(RawString { raw, has_escape })
    }

    /// Goes past a string, a number, a boolean or null.
    pub(super) fn read_scalar(&mut self) -> Result<Scalar<'t>, NotJson> {
        if self.peek()? == b'"' {
            return Ok(Scalar::String(self.read_string()?));
        }
        let begin = self.at;
        let rest = &self.text[begin..];
        let length = rest.iter().position(ends_scalar).unwrap_or(rest.len());
        self.at += length;
        match &rest[..length] {
            b"null" => Ok(Scalar::Null),
            bare @ (b"true" | b"false") => Ok(Scalar::Bare(bare)),
            bare @ [b'-' | b'0'..=b'9', ..] => Ok(Scalar::Bare(bare)),
            _ => Err(NotJson),
        }
    }

    /// Goes past any value, and returns it as it is written.
    pub(super) fn take_value(&mut self) -> Result<&'t [u8], NotJson> {
        self.peek()?;
        let begin = self.at;
        self.skip_value()?;
        Ok(&self.text[begin..self.at])
    }

    /// Goes past any value.
    pub(super) fn skip_value(&mut self) -> Result<(), NotJson> {
        self.skip_nested(0)
    }

    fn skip_nested(&mut self, depth: usize) -> Result<(), NotJson> {
        if depth > DEEPEST {
            return Err(NotJson);
        }
        match self.peek()? {
            b'{' => {
                let mut has_member = self.open(b'{', b'}')?;
                while has_member {
                    self.read_key()?;
                    self.skip_nested(depth + 1)?;
                    has_member = self.next_member(b'}')?;
                }
            }
            b'[' => {
                let mut has_member = self.open(b'[', b']')?;
                while has_member {
                    self.skip_nested(depth + 1)?;
                    has_member = self.next_member(b']')?;
                }
            }
            _ => {
                self.read_scalar()?;
            }
        }
        Ok(())
    }
}

/// Returns true for the bytes that end a number or a word.
fn ends_scalar(byte: &u8) -> bool {
    matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// Builds the value that the scanner sees.
    fn scanned(scan: &mut JsonScan<'_>) -> Result<Value, NotJson> {
        match scan.peek()? {
            b'{' => {
                let mut members = serde_json::Map::new();
                let mut has_member = scan.open(b'{', b'}')?;
                while has_member {
                    let key = String::from_utf8(scan.read_key()?.into_owned()).unwrap();
                    members.insert(key, scanned(scan)?);
                    has_member = scan.next_member(b'}')?;
                }
                Ok(Value::Object(members))
            }
            b'[' => {
                let mut members = Vec::new();
                let mut has_member = scan.open(b'[', b']')?;
                while has_member {
                    members.push(scanned(scan)?);
                    has_member = scan.next_member(b']')?;
                }
                Ok(Value::Array(members))
            }
            _ => Ok(match scan.read_scalar()? {
                Scalar::String(text) => {
                    Value::String(String::from_utf8(text.text().into_owned()).unwrap())
                }
                Scalar::Bare(text) => serde_json::from_slice(text).unwrap(),
                Scalar::Null => Value::Null,
            }),
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[\\PC\\\\\"\n\t\u{1}é😀]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::hash_map("[\\PC\"\\\\]{0,6}", inner, 0..5)
                    .prop_map(|members| Value::from(serde_json::Map::from_iter(members))),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_sees_what_serde_json_sees(value in any_json(), pretty in any::<bool>()) {
            let text = if pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            let mut scan = JsonScan::new(text.as_bytes());
            prop_assert_eq!(scanned(&mut scan), Ok(value));
            prop_assert_eq!(scan.expect_end(), Ok(()));
            let mut skipping = JsonScan::new(text.as_bytes());
            prop_assert_eq!(skipping.skip_value(), Ok(()));
            prop_assert_eq!(skipping.expect_end(), Ok(()));
        }

        #[test]
        fn a_cut_text_is_no_json_and_no_panic(value in any_json(), cut in 0..64_usize) {
            let text = serde_json::json!([value]).to_string();
            let end = text.len().saturating_sub(1 + cut);
            prop_assert!(JsonScan::new(&text.as_bytes()[..end]).skip_value().is_err());
        }
    }
}
