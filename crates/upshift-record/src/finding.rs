//! The findings about a recorded exchange, and the notes that they come from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The weight of a note, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoteLevel {
    /// Something is done well.
    Good,
    /// Something is worth knowing; nothing has to change.
    Info,
    /// Something is likely to surprise a client or a hop.
    Warn,
    /// Something is wrong: a requirement of an RFC is broken.
    Error,
}

/// A name that no level has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLevel(String);

/// One statement about a recorded exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The id of the note, as `U014`.
    pub note: String,
    /// The level of the note.
    pub level: NoteLevel,
    /// The message that has it.
    #[serde(flatten)]
    pub place: MessagePlace,
    /// The field that has it, as the specifications spell it; left out if it is the whole message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The finding in words, with the values at hand.
    pub message: String,
    /// The paragraph that it rests on, as `RFC 9110 §7.8`.
    pub source: String,
}

/// The place of a message in an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "in", content = "interim", rename_all = "lowercase")]
pub enum MessagePlace {
    /// The request.
    Request,
    /// An interim response (1xx); the first is number 1.
    Interim(usize),
    /// The final response.
    Response,
}

/// The description of a note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteRecord {
    /// The id, as `U014`.
    pub id: String,
    /// The level.
    pub level: NoteLevel,
    /// The note in one line.
    pub summary: String,
    /// The consequences, in a few sentences.
    pub why: String,
    /// The paragraph that it rests on, as `RFC 9110 §7.8`.
    pub source: String,
    /// The words of that paragraph; left out where they are not one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// An exchange that is wrong; of a note of level `good`, one that lacks the good thing.
    pub wrong: String,
    /// The same exchange put right.
    pub right: String,
}

impl NoteLevel {
    /// All levels, in ascending order.
    pub const ALL: [Self; 4] = [Self::Good, Self::Info, Self::Warn, Self::Error];

    /// The name of the level in JSON and flags.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for NoteLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for NoteLevel {
    type Err = UnknownLevel;

    fn from_str(name: &str) -> Result<Self, UnknownLevel> {
        let level = Self::ALL.into_iter().find(|level| level.as_str() == name);
        level.ok_or_else(|| UnknownLevel(name.to_owned()))
    }
}

impl fmt::Display for UnknownLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a level; the levels are good, info, warn, error", self.0)
    }
}

impl std::error::Error for UnknownLevel {}

impl fmt::Display for MessagePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request => f.write_str("request"),
            Self::Interim(number) => write!(f, "interim response {number}"),
            Self::Response => f.write_str("response"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn a_finding_has_the_shape_that_the_docs_show() {
        let mut finding = Finding {
            note: "U054".to_owned(),
            level: NoteLevel::Error,
            place: MessagePlace::Interim(1),
            field: Some("Upgrade".to_owned()),
            message: "the 101 has no Upgrade field".to_owned(),
            source: "RFC 9110 §15.2.2".to_owned(),
        };
        let json = serde_json::to_string(&finding).unwrap();
        assert_eq!(
            json,
            r#"{"note":"U054","level":"error","in":"interim","interim":1,"field":"Upgrade","#
                .to_owned()
                + r#""message":"the 101 has no Upgrade field","source":"RFC 9110 §15.2.2"}"#
        );
        assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), finding);
        finding.place = MessagePlace::Response;
        let json = serde_json::to_string(&finding).unwrap();
        assert!(json.contains(r#""in":"response","field""#), "{json}");
        assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), finding);
    }

    #[test]
    fn levels_are_read_by_name_and_in_order() {
        for level in NoteLevel::ALL {
            assert_eq!(level.as_str().parse(), Ok(level));
        }
        assert!(NoteLevel::Warn < NoteLevel::Error && NoteLevel::Good < NoteLevel::Info);
        let error = "warning".parse::<NoteLevel>().unwrap_err().to_string();
        assert!(error.starts_with("`warning` is not a level"), "{error}");
    }
}
