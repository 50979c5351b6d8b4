//! The result of reading a case, and the differences between two of them.

use std::collections::BTreeMap;

use upshift_http1::Wants;

use crate::explained::EXPLAINED;
use crate::transcript::{Transcript, text_of};

/// The direction of the messages of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageKind {
    Requests,
    Responses,
}

impl MessageKind {
    /// The number of cases.
    pub(crate) fn cases(self) -> usize {
        match self {
            Self::Requests => 20_000,
            Self::Responses => 5_000,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Responses => "responses",
        }
    }
}

/// The result of reading a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The messages that ended: start and content.
    pub(crate) messages: Vec<String>,
    /// The reason to read nothing after them; `None` if the reader waits for more.
    pub(crate) refused: Option<String>,
    /// The reader closes the connection after the messages, and reads nothing behind them.
    pub(crate) closes: bool,
}

impl Outcome {
    /// The result of the codec.
    pub(crate) fn of_transcript(transcript: &Transcript) -> Self {
        let mut messages = transcript.messages.clone();
        messages.retain(|message| !message.ends_with('…'));
        let refused = transcript.fault.map(|fault| fault.class.name().to_owned());
        let closes = matches!(transcript.wants, Wants::Close | Wants::Linger);
        Self { messages, refused, closes }
    }
}

/// The way in which two readers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    /// Only the codec refuses.
    Stricter,
    /// Only the peer refuses.
    Laxer,
    /// Both take the bytes, as different messages.
    Framing,
}

/// The differences between the codec and one peer.
#[derive(Debug)]
pub(crate) struct Comparison {
    peer: &'static str,
    kind: MessageKind,
    same: usize,
    /// The number of cases, and the first of them, by difference and reason.
    counts: BTreeMap<(Difference, String), (usize, String)>,
}

impl Comparison {
    pub(crate) fn new(peer: &'static str, kind: MessageKind) -> Self {
        Self { peer, kind, same: 0, counts: BTreeMap::new() }
    }

    /// Compares the messages one by one. The first difference decides.
    pub(crate) fn add(&mut self, case: &[u8], ours: &Outcome, theirs: &Outcome) {
        let common = ours.messages.iter().zip(&theirs.messages);
        let equal = common.take_while(|(our, their)| our == their).count();
        let ours_ended = equal == ours.messages.len();
        let theirs_ended = equal == theirs.messages.len();
        let (difference, reason) = match (&ours.refused, &theirs.refused) {
            // RFC 9112 §9.3: each implementation may decide how long a connection persists.
            (_, None) if theirs_ended && theirs.closes => return self.same += 1,
            (None, _) if ours_ended && ours.closes => return self.same += 1,
            (Some(_), Some(_)) | (None, None) if ours_ended && theirs_ended => {
                return self.same += 1;
            }
            (Some(class), _) if ours_ended => (Difference::Stricter, class.clone()),
            (_, Some(error)) if theirs_ended => (Difference::Laxer, error.clone()),
            _ => (Difference::Framing, "read as other messages".to_owned()),
        };
        let example = format!(
            "{:?}: here {:?} {:?}, there {:?} {:?}",
            text_of(case),
            ours.messages,
            ours.refused,
            theirs.messages,
            theirs.refused
        );
        self.counts.entry((difference, reason)).or_insert((0, example)).0 += 1;
    }

    pub(crate) fn print(&self) {
        println!("{} and {}: {} the same", self.peer, self.kind.as_str(), self.same);
        for ((difference, reason), (count, example)) in &self.counts {
            println!("  {difference:?} {reason}: {count}\n      {example}");
        }
    }

    /// The differences that [`EXPLAINED`] does not have.
    pub(crate) fn unexplained(&self) -> Vec<String> {
        let mut unexplained = Vec::new();
        for ((difference, reason), (count, example)) in &self.counts {
            let is_explained = EXPLAINED
                .iter()
                .any(|entry| entry.covers(self.peer, self.kind, *difference, reason));
            if !is_explained {
                unexplained.push(format!("{difference:?} {reason}: {count}, as {example}"));
            }
        }
        unexplained
    }
}
