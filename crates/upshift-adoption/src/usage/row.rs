//! One row of usage: a number of requests and of callers, and the labels that they belong to.

use std::sync::Arc;

use upshift_core::{Decision, Ruling, Verdict, VerdictReason};

use crate::sketch::DistinctCallers;

/// The relation of a request to a rule's requirement, in any phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It meets the requirement.
    Meets,
    /// `enforce` would refuse it.
    Behind,
    /// It is uncertain, for example because no version was sent. The request is admitted.
    Uncertain,
}

impl Standing {
    /// All standings.
    pub const ALL: [Self; 3] = [Self::Meets, Self::Behind, Self::Uncertain];

    /// The standing of the request under this ruling.
    pub fn of_ruling(ruling: &Ruling<'_>) -> Self {
        if ruling.cause.is_some() {
            return Self::Behind;
        }
        match ruling.reason {
            VerdictReason::Meets => Self::Meets,
            _ => Self::Uncertain,
        }
    }

    /// The standing of a request as a whole: that of the ruling that decided.
    pub fn of_decision(decision: &Decision<'_>) -> Self {
        match decision.top() {
            Some(top) => Self::of_ruling(top),
            None => Self::Meets,
        }
    }

    /// The name in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Meets => "meets",
            Self::Behind => "behind",
            Self::Uncertain => "uncertain",
        }
    }

    /// The standing with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// The property by which a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// The phase of the rule. Every request is in exactly one row of this dimension.
    Phase,
    /// The version of HTTP that the client speaks.
    Http,
    /// The version of TLS that the client speaks; `none` for cleartext.
    Tls,
    /// The value that decided: the version of the API, of the client, or of the protocol.
    Version,
    /// The family and major version of the client.
    Client,
    /// The exemption that let a request through.
    Exemption,
}

impl Dimension {
    /// All dimensions.
    pub const ALL: [Self; 6] =
        [Self::Phase, Self::Http, Self::Tls, Self::Version, Self::Client, Self::Exemption];

    /// The name in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phase => "phase",
            Self::Http => "http",
            Self::Tls => "tls",
            Self::Version => "version",
            Self::Client => "client",
            Self::Exemption => "exemption",
        }
    }

    /// The dimension with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// The labels of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The rule; empty for the gateway as a whole.
    pub rule: Arc<str>,
    /// The kind of the label.
    pub dimension: Dimension,
    /// The label.
    pub label: Arc<str>,
    /// The verdict.
    pub verdict: Verdict,
    /// The standing.
    pub standing: Standing,
}

/// The counts of a row.
#[derive(Clone, Default)]
pub struct UsageRow {
    /// The number of requests.
    pub requests: u64,
    /// The distinct callers.
    pub callers: DistinctCallers,
}

impl UsageRow {
    /// Adds the counts of another time span.
    pub fn merge_row(&mut self, other: &Self) {
        self.requests += other.requests;
        self.callers.merge_callers(&other.callers);
    }

    /// The estimate of the distinct callers, which is never above the number of requests.
    pub fn caller_count(&self) -> u64 {
        self.callers.estimate().min(self.requests)
    }

    /// The same; `None` if no caller of these requests could be identified.
    pub fn known_callers(&self) -> Option<u64> {
        match self.caller_count() {
            0 if self.requests > 0 => None,
            callers => Some(callers),
        }
    }
}

/// The length of time that a row covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day of UTC.
    Day,
}

impl Span {
    /// The length in seconds.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// The span of this length.
    pub(crate) fn from_seconds(seconds: i64) -> Option<Self> {
        [Self::Minute, Self::Hour, Self::Day].into_iter().find(|span| span.seconds() == seconds)
    }

    /// The length of the points in a chart of a period: hours for up to three days.
    pub fn of_period(from: i64, now: i64) -> Self {
        if now - from <= 3 * Self::Day.seconds() { Self::Hour } else { Self::Day }
    }

    /// The start of the span that `second` is in. Both are in seconds since 1970.
    pub fn start_of(self, second: i64) -> i64 {
        second - second.rem_euclid(self.seconds())
    }
}

/// A row, and the time that it covers.
#[derive(Clone)]
pub struct StoredRow {
    /// The length of that time.
    pub span: Span,
    /// Its start, in seconds since 1970.
    pub start: i64,
    /// The labels.
    pub key: RowKey,
    /// The counts. They replace those of an earlier row with the same labels and time.
    pub row: UsageRow,
}

/// The name of a verdict, read back from the store.
pub(crate) fn parse_verdict(name: &str) -> Option<Verdict> {
    let all = [Verdict::Admit, Verdict::Exempt, Verdict::Warn, Verdict::Refuse];
    all.into_iter().find(|verdict| verdict.as_str() == name)
}
