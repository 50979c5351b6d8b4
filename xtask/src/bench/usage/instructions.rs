//! The instructions per request with and without recording, counted by callgrind.
//!
//! They are those of the thread that serves. Merging and storing is the work of other threads, once
//! a second, and does not depend on the number of requests: within callgrind, where a second has a
//! fiftieth of the usual requests, it would count fifty times.

use std::io;
use std::time::{Duration, Instant};

use super::callers::{Responses, send_requests};
use super::gateway::{MeasuredCase, RunningGateway};
use crate::bench::callgrind::{CountedProgram, SEPARATE_THREADS, callgrind_wrapper};
use crate::bench::section::{Table, plain_number};
use crate::bench::test_bed::TestBed;

/// The requests before counting, and those of the two runs whose instructions are compared: the
/// costs of connections cancel out.
const WARM_UP: usize = 2_000;
const FEW: usize = 1_000;
const MANY: usize = 11_000;

/// The counts of one gateway.
#[derive(Clone, Copy, Debug)]
struct GatewayCounts {
    /// Instructions of the thread that serves, per request.
    per_request: f64,
    /// Instructions of the other threads, per second.
    per_second: f64,
}

/// The instructions of the busiest thread and of all others, and the time.
struct ThreadCounts {
    serving: u64,
    others: u64,
    time: Duration,
}

/// The instructions of one case.
pub(super) struct RecordingCost {
    case: MeasuredCase,
    recording: GatewayCounts,
    without: GatewayCounts,
}

impl RecordingCost {
    /// Counts the instructions of a case.
    ///
    /// # Errors
    /// If a gateway cannot be started within callgrind, or answers differently than expected.
    pub(super) fn count(bed: &TestBed, case: MeasuredCase) -> io::Result<Self> {
        let recording = count_requests(bed, case, true)?;
        let without = count_requests(bed, case, false)?;
        Ok(Self { case, recording, without })
    }

    /// The share that recording adds to each request, in per cent.
    pub(super) fn percent(&self) -> f64 {
        (self.recording.per_request / self.without.per_request - 1.0) * 100.0
    }

    /// The work of the other threads, as a number of requests.
    pub(super) fn compare_other_threads(&self) -> String {
        let added = self.recording.per_second - self.without.per_second;
        format!(
            "In a second, recording adds as much to the other threads as {:.0} requests of the case \
             \"{}\" take.",
            added / self.without.per_request,
            self.describe()
        )
    }

    /// The description of the case for readers.
    pub(super) fn describe(&self) -> &'static str {
        match self.case {
            MeasuredCase::Refusal => "refusal",
            MeasuredCase::Ramp => "request in a ramp, half of which are proxied",
        }
    }
}

/// The counts as a table.
pub(super) fn cost_table(costs: &[RecordingCost]) -> Table {
    let header = ["instructions per", "recording", "not recording", "more"];
    let mut table = Table::new(&[&header[..], &["of other threads, per second"]].concat());
    for cost in costs {
        let RecordingCost { recording, without, .. } = cost;
        table.add_row(vec![
            cost.describe().to_owned(),
            plain_number(recording.per_request.round()),
            plain_number(without.per_request.round()),
            format!("{:.1} %", cost.percent()),
            plain_number((recording.per_second - without.per_second).round()),
        ]);
    }
    table
}

fn count_requests(bed: &TestBed, case: MeasuredCase, record: bool) -> io::Result<GatewayCounts> {
    let file = bed.folder().join(format!("callgrind-{}-{record}", case.name()));
    let mut wrapper = callgrind_wrapper(&file).to_vec();
    wrapper.push(SEPARATE_THREADS.to_owned());
    let gateway = RunningGateway::start(bed, case, record, &wrapper)?;
    let mut program = CountedProgram::new(gateway.id(), file);
    check_responses(case, send_requests(gateway.address, WARM_UP)?)?;
    let few = count_run(&mut program, &gateway, case, FEW)?;
    let many = count_run(&mut program, &gateway, case, MANY)?;
    let difference = many.serving.saturating_sub(few.serving);
    Ok(GatewayCounts {
        per_request: difference as f64 / (MANY - FEW) as f64,
        per_second: many.others as f64 / many.time.as_secs_f64(),
    })
}

fn count_run(
    program: &mut CountedProgram,
    gateway: &RunningGateway,
    case: MeasuredCase,
    requests: usize,
) -> io::Result<ThreadCounts> {
    let begun = Instant::now();
    let threads = program
        .count_threads_while(|| check_responses(case, send_requests(gateway.address, requests)?))?;
    // The gateway has one CPU, and so one thread serves.
    let serving = threads.iter().copied().max().unwrap_or_default();
    let others = threads.iter().sum::<u64>() - serving;
    Ok(ThreadCounts { serving, others, time: begun.elapsed() })
}

/// The shares of the callers are fixed, so a change of them would change what is compared.
fn check_responses(case: MeasuredCase, responses: Responses) -> io::Result<()> {
    let Responses { refused, proxied } = responses;
    let is_expected = match case {
        MeasuredCase::Refusal => proxied == 0,
        MeasuredCase::Ramp => refused.abs_diff(proxied) * 5 < refused + proxied,
    };
    if is_expected {
        return Ok(());
    }
    Err(io::Error::other(format!("unexpected answers: {responses:?}")))
}
