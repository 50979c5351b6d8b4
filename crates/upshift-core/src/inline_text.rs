//! Texts that need no allocation if they are short.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use arrayvec::ArrayString;

/// The longest text that is held in place: names and versions of clients are shorter.
const IN_PLACE: usize = 27;

/// A text that is held in place if it is short, as nearly every version is.
#[derive(Clone)]
pub struct InlineText(Place);

#[derive(Clone)]
enum Place {
    Inline(ArrayString<IN_PLACE>),
    Heap(Box<str>),
}

impl InlineText {
    /// The text of these parts, one after the other.
    pub fn join(parts: &[&str]) -> Self {
        let mut text = ArrayString::new();
        for part in parts {
            if text.try_push_str(part).is_err() {
                return Self(Place::Heap(parts.concat().into()));
            }
        }
        Self(Place::Inline(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Place::Inline(text) => text,
            Place::Heap(text) => text,
        }
    }
}

impl From<&str> for InlineText {
    fn from(text: &str) -> Self {
        Self::join(&[text])
    }
}

impl From<String> for InlineText {
    fn from(text: String) -> Self {
        if text.len() <= IN_PLACE { Self::from(&*text) } else { Self(Place::Heap(text.into())) }
    }
}

impl From<Cow<'_, str>> for InlineText {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl Deref for InlineText {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for InlineText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for InlineText {}

impl fmt::Debug for InlineText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for InlineText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_same_in_either_place() {
        for length in 0..2 * IN_PLACE {
            let text = "é".repeat(length / 2) + &"x".repeat(length % 2);
            assert_eq!(InlineText::from(&*text).as_str(), text);
            assert_eq!(InlineText::from(text.clone()), InlineText::join(&[&text, ""]));
        }
    }
}
