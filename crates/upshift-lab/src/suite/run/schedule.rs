//! The order of the cases, and the values that they pass on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use upshift_record::suite::{CaseAddress, CaseOutcome, CaseTry, CaseVerdict, RunEvent, RunRecord};

use super::case::{CaseMessage, CaseRun, FinishedCase};
use super::options::{EventObserver, RunOptions};
use super::run_plan::RunPlan;
use crate::suite::plan::PlannedCase;

/// The values that the cases of a suite have captured, by name.
type Captured = BTreeMap<String, String>;

/// The cases that wait, and those that run.
pub(super) struct Schedule<'o> {
    options: &'o RunOptions,
    begun: Instant,
    stop: watch::Receiver<bool>,
    waiting: VecDeque<WaitingCase>,
    running: JoinSet<Option<FinishedCase>>,
    messages: mpsc::UnboundedReceiver<CaseMessage>,
    sender: mpsc::UnboundedSender<CaseMessage>,
    /// The values that each suite has captured, by its path.
    captured: BTreeMap<String, Captured>,
    /// The places of the outcomes in the record. Looking for each would cost the square of their
    /// number.
    places: BTreeMap<CaseAddress, usize>,
    fell_short: bool,
}

struct WaitingCase {
    case: Arc<PlannedCase>,
    producers: Vec<CaseAddress>,
}

/// The next thing to do with a case that waits.
enum Readiness {
    Ready,
    Waits,
    /// It cannot run, for this reason.
    Hopeless(String),
}

impl<'o> Schedule<'o> {
    pub(super) fn new(
        plan: &RunPlan,
        options: &'o RunOptions,
        begun: Instant,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let mut waiting = VecDeque::new();
        for suite in &plan.suites {
            for case in &suite.cases {
                let producers = suite.producers_of(case);
                waiting.push_back(WaitingCase { case: Arc::new(case.clone()), producers });
            }
        }
        let (sender, messages) = mpsc::unbounded_channel();
        let running = JoinSet::new();
        let captured = BTreeMap::new();
        Self {
            options,
            begun,
            stop,
            waiting,
            running,
            messages,
            sender,
            captured,
            places: BTreeMap::new(),
            fell_short: false,
        }
    }

    /// Runs all cases, or as many as there is time for.
    pub(super) async fn run(mut self, record: &mut RunRecord, observer: EventObserver<'_>) {
        loop {
            self.begin_cases(record, observer);
            if self.running.is_empty() {
                return;
            }
            tokio::select! {
                // First, so that a case has reported its tries before it is over.
                biased;
                Some(message) = self.messages.recv() => {
                    observer(&self.event_of(message), record);
                }
                Some(joined) = self.running.join_next() => {
                    while let Ok(message) = self.messages.try_recv() {
                        observer(&self.event_of(message), record);
                    }
                    // A case that panicked, or that was ended, has no outcome: it is missing.
                    if let Ok(Some(finished)) = joined {
                        self.finish_case(finished, record, observer);
                    }
                }
            }
        }
    }

    fn begin_cases(&mut self, record: &mut RunRecord, observer: EventObserver<'_>) {
        let mut place = 0;
        while place < self.waiting.len() {
            let is_over = *self.stop.borrow() || (self.fell_short && self.options.fail_fast);
            if is_over || self.running.len() >= self.options.jobs.max(1) {
                return;
            }
            match self.readiness(&self.waiting[place], record) {
                Readiness::Waits => place += 1,
                Readiness::Ready => {
                    if let Some(next) = self.waiting.remove(place) {
                        self.spawn(next.case);
                    }
                }
                Readiness::Hopeless(reason) => {
                    if let Some(next) = self.waiting.remove(place) {
                        let finished = errored(&next.case, reason);
                        self.finish_case(finished, record, observer);
                    }
                    // An earlier case may wait for this one.
                    place = 0;
                }
            }
        }
    }

    fn readiness(&self, waiting: &WaitingCase, record: &RunRecord) -> Readiness {
        for producer in &waiting.producers {
            let place = self.places.get(producer).copied();
            let Some(outcome) = place.and_then(|place| record.outcomes.get(place)) else {
                return Readiness::Waits;
            };
            let passed = outcome.last_try().is_some_and(|one| one.verdict == CaseVerdict::Passed);
            if !passed {
                let mark = outcome.mark();
                return Readiness::Hopeless(format!("it needs a value of {producer}: {mark}"));
            }
        }
        Readiness::Ready
    }

    fn spawn(&mut self, case: Arc<PlannedCase>) {
        let mut captured = Captured::new();
        for name in case.needed_captures() {
            let all = self.captured.get(&case.address.suite);
            if let Some(value) = all.and_then(|all| all.get(name)) {
                captured.insert(name.to_owned(), value.clone());
            }
        }
        let retries = case.retries.max(self.options.retries);
        let run = CaseRun {
            case,
            captured,
            retries,
            today: self.options.today,
            stop: self.stop.clone(),
            messages: self.sender.clone(),
        };
        self.running.spawn(run.run());
    }

    fn finish_case(
        &mut self,
        finished: FinishedCase,
        record: &mut RunRecord,
        observer: EventObserver<'_>,
    ) {
        let FinishedCase { outcome, captured } = finished;
        self.fell_short |= outcome.fell_short();
        self.captured.entry(outcome.address.suite.clone()).or_default().extend(captured);
        let event = RunEvent::Finished {
            at: self.elapsed(),
            address: outcome.address.clone(),
            outcome: outcome.mark().to_owned(),
            tries: outcome.tries.len(),
            took: outcome.took(),
        };
        self.places.insert(outcome.address.clone(), record.outcomes.len());
        record.outcomes.push(outcome);
        observer(&event, record);
    }

    fn event_of(&self, message: CaseMessage) -> RunEvent {
        let at = self.elapsed();
        match message {
            CaseMessage::Started(address) => RunEvent::Started { at, address },
            CaseMessage::Tried { address, number, retries, tried } => {
                RunEvent::Tried { at, address, number, retries, tried }
            }
        }
    }

    fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

fn errored(case: &PlannedCase, reason: String) -> FinishedCase {
    let outcome = CaseOutcome {
        address: case.address.clone(),
        kind: case.action.kind(),
        line: case.line,
        tries: vec![CaseTry::without_evidence(CaseVerdict::Errored(reason))],
    };
    FinishedCase { outcome, captured: BTreeMap::new() }
}
