//! The records and exit codes that Upshift shows to other programs. Field names in JSON are API.
//!
//! ```
//! use upshift_core::{Policy, Timestamp, policy};
//! use upshift_record::{Exit, plan_entries};
//!
//! let requirement = policy::Requirement::Tls(upshift_core::TlsVersion::V1_2);
//! let rule = policy::RuleSpec::new("tls", vec![requirement]);
//! let spec = policy::PolicySpec { rules: vec![rule], ..policy::PolicySpec::default() };
//! let policy = Policy::new(spec).unwrap();
//! let plan = plan_entries(&policy, Timestamp::UNIX_EPOCH);
//! // A rule without a rollout enforces at all times.
//! assert_eq!((plan[0].phase.as_str(), plan[0].share), ("enforce", 1.0));
//!
//! assert_eq!(Exit::FellShort.code(), 1);
//! ```

pub mod adoption;
pub mod canary;
pub mod control;
pub mod decision;
pub mod evidence;
mod evidence_text;
mod exchange;
mod exit;
mod finding;
pub mod forecast;
pub mod gateway;
pub mod grade;
mod lane;
mod lint;
pub mod live;
pub mod number_text;
mod octet_lines;
pub mod plan;
pub mod policy;
pub mod probe;
pub mod suite;
pub mod trace;
mod wire_text;

pub use decision::{
    AnswerRecord, ClientMinimumRecord, DecisionRecord, ObservedRecord, RequiredRecord, RulingRecord,
};
pub use exchange::{
    EXCHANGE_SCHEMA, ExchangeEnd, Protection, RecordedBody, RecordedExchange, RecordedField,
    RecordedRequest, RecordedResponse,
};
pub use exit::Exit;
pub use finding::{Finding, MessagePlace, NoteLevel, NoteRecord, UnknownLevel};
pub use lane::{Lane, UnknownLane};
pub use lint::{IgnoredFinding, LINT_SCHEMA, LevelCounts, LintFinding, LintReport, LintedExchange};
pub use octet_lines::octet_lines;
pub use plan::{PlanEntry, plan_entries};
pub use trace::{HopRecord, RefusedRecord, RuleRecord, TraceRecord};
pub use wire_text::WireText;
