//! One case: its tries, until one of them counts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use jiff::civil::Date;
use tokio::sync::{mpsc, watch};
use upshift_record::suite::{CaseAddress, CaseOutcome, CaseTry, CaseVerdict};

use super::try_result::TryResult;
use super::{client_case, lint_case, probe_case};
use crate::suite::plan::{CaseAction, PlannedCase};

/// A case that is about to run.
pub(super) struct CaseRun {
    pub(super) case: Arc<PlannedCase>,
    /// The values that earlier cases have captured.
    pub(super) captured: BTreeMap<String, String>,
    pub(super) retries: u32,
    pub(super) today: Date,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) messages: mpsc::UnboundedSender<CaseMessage>,
}

/// News from a case that runs.
pub(super) enum CaseMessage {
    Started(CaseAddress),
    Tried { address: CaseAddress, number: usize, retries: bool, tried: Box<CaseTry> },
}

/// A case with its outcome.
pub(super) struct FinishedCase {
    pub(super) outcome: CaseOutcome,
    /// The values that it has captured, by name.
    pub(super) captured: BTreeMap<String, String>,
}

impl CaseRun {
    /// Tries the case until it passes, or there are no more tries. `None` if the run was stopped.
    pub(super) async fn run(self) -> Option<FinishedCase> {
        let address = &self.case.address;
        // The receiver lives as long as the schedule, which waits for this case.
        let _ = self.messages.send(CaseMessage::Started(address.clone()));
        let mut tries = Vec::new();
        loop {
            let begun = Instant::now();
            let result = self.try_once().await?;
            let TryResult { verdict, evidence, captured } = result;
            let fell_short = matches!(verdict, CaseVerdict::Failed(_) | CaseVerdict::Errored(_));
            let tried = CaseTry { verdict, took: begun.elapsed(), evidence };
            tries.push(tried.clone());
            let retries = fell_short && tries.len() <= self.retries as usize;
            let _ = self.messages.send(CaseMessage::Tried {
                address: address.clone(),
                number: tries.len(),
                retries,
                tried: Box::new(tried),
            });
            if !retries {
                let (kind, line) = (self.case.action.kind(), self.case.line);
                let outcome = CaseOutcome { address: address.clone(), kind, line, tries };
                return Some(FinishedCase { outcome, captured });
            }
        }
    }

    async fn try_once(&self) -> Option<TryResult> {
        let case = &self.case;
        match &case.action {
            CaseAction::Probe(probe) => {
                let trying = probe_case::try_probe(probe, case.timeout, &self.captured);
                tokio::select! {
                    result = trying => Some(result),
                    () = self.stopped() => None,
                }
            }
            // A client is ended by the one who started it, so that nothing of it is left.
            CaseAction::Client(client) => {
                let limit = case.timeout;
                let result =
                    client_case::try_client(client, limit, &self.captured, self.stopped()).await;
                if *self.stop.borrow() { None } else { Some(result) }
            }
            CaseAction::Lint(lint) => {
                let trying = lint_case::try_lint(lint, self.today);
                match tokio::time::timeout(case.timeout, trying).await {
                    Ok(result) => Some(result),
                    Err(_) => {
                        Some(TryResult::errored("the files could not be read in time".into()))
                    }
                }
            }
        }
    }

    /// Resolves when the run is stopped.
    fn stopped(&self) -> impl Future<Output = ()> + use<> {
        let mut stop = self.stop.clone();
        async move {
            // The sender may be gone, when nothing can stop the run any more.
            if stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
