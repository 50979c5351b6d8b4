//! The records of `upshift test`: the plan of a run, the outcomes of its cases, and its events.

mod address;
mod entry;
mod event;
mod evidence;
mod milliseconds;
mod outcome;
mod run_case;
mod run_record;
mod shell_words;
mod summary;
mod transcript;

pub use address::{CaseAddress, InvalidAddress};
pub use entry::{CaseEntry, SuiteEntry};
pub use event::{RUN_SCHEMA, RunEvent};
pub use evidence::{CaseEvidence, CaseNote, ClientRun, ConnectionTrace, TimelineMark};
pub use outcome::{CaseKind, CaseOutcome, CaseTry, CaseVerdict, Mismatch};
pub use run_case::{CaseState, RunCase};
pub use run_record::{RUN_RECORD_SCHEMA, RunRecord};
pub use summary::RunSummary;
