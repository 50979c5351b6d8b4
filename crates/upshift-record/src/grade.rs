//! The grade of a client: what it did with each mock peer.

use serde::Serialize;

/// The value of `schema` in a [`GradeReport`].
pub const GRADE_SCHEMA: &str = "upshift.grade/1";

/// The grade of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GradeReport {
    /// The format and its version: [`GRADE_SCHEMA`].
    pub schema: &'static str,
    /// The command, with its placeholders.
    pub command: Vec<String>,
    /// The letter: `A` to `F` without `E`; null if no peer counts.
    pub letter: Option<char>,
    /// The points: two for each peer that was handled right, one for each that was handled
    /// acceptably.
    pub points: usize,
    /// The points of a client that handles every peer right.
    pub most_points: usize,
    /// What limits the letter, where something does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited_by: Option<Behaviour>,
    /// The peers, in the order of the catalogue.
    pub peers: Vec<PeerGrade>,
}

/// The behaviour of a client with one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PeerGrade {
    /// The name of the peer.
    pub peer: String,
    /// What a good client does with it.
    pub expect: String,
    /// The verdict.
    pub verdict: PeerVerdict,
    /// Everything that the client did, the most telling first.
    pub behaviours: Vec<Behaviour>,
    /// What shows it: excerpts of what went over the wire and of the output.
    pub evidence: Vec<String>,
    /// The number of requests.
    pub requests: usize,
    /// The number of connections.
    pub connections: usize,
    /// The exit code; null if the client did not end by itself, or by a signal.
    pub exit: Option<i32>,
    /// The time from the start of the client to its end, in milliseconds.
    pub took_ms: u64,
}

/// The verdict on a client's behaviour with one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeerVerdict {
    /// As a good client does.
    Right,
    /// Not the best that is possible, and harmless.
    Acceptable,
    /// Wrong.
    Wrong,
    /// The client cannot play this case: it said so by exit code 127, or the peer needs a client of
    /// another kind. It does not count.
    Unsupported,
}

/// Something that a client did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// Sent the secret in cleartext although TLS had been demanded or the URL was `https`.
    LeakedSecret,
    /// Sent content of a request that is not idempotent again, without knowing whether it had been
    /// processed (RFC 9110 §9.2.2).
    ReplayedBody,
    /// Sent octets that are no request where a request was due.
    Desynchronised,
    /// Sent the same request over and over.
    Looped,
    /// Did not end within the time limit.
    Hung,
    /// Reported success for an illegal response.
    AcceptedIllegal,
    /// Reported success, and said nothing of the refusal.
    Swallowed,
    /// Followed the 426: asked again over the protocol that was demanded, and was served.
    Followed,
    /// Was served in another way after the refusal.
    FellBack,
    /// Was served at once.
    Served,
    /// Told its user: by the exit code, the status or the text of the refusal.
    Surfaced,
    /// Sent the same request again, a few times at most.
    Retried,
}

impl Behaviour {
    /// Returns true if it is wrong with every peer.
    pub fn is_fault(self) -> bool {
        self <= Self::Swallowed
    }

    /// The behaviour in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LeakedSecret => "leaked a secret in cleartext",
            Self::ReplayedBody => "replayed content",
            Self::Desynchronised => "desynchronised",
            Self::Looped => "looped",
            Self::Hung => "hung",
            Self::AcceptedIllegal => "accepted an illegal response",
            Self::Swallowed => "swallowed the refusal",
            Self::Followed => "followed",
            Self::FellBack => "fell back",
            Self::Served => "was served",
            Self::Surfaced => "surfaced it",
            Self::Retried => "retried",
        }
    }
}

impl PeerVerdict {
    /// The verdict in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Acceptable => "acceptable",
            Self::Wrong => "wrong",
            Self::Unsupported => "unsupported",
        }
    }
}
