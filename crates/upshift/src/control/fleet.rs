//! One change on all gateways at the same time: a dry run first, then the change, with one id.
//!
//! 1. If a gateway does not answer the dry run, nothing is changed on any, unless it may be
//!    skipped.
//! 2. If a gateway refuses the dry run, nothing is changed on any.
//! 3. A gateway that fails after that is asked whether it has the change. If it does not answer,
//!    the result is unknown, and that is reported.
//! 4. A change may still be on its way after we gave up on it, so each change carries an expiry
//!    time by the clock of the gateway. Only after that time does "I do not have it" mean "I never
//!    will".

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use upshift_core::Timestamp;
use upshift_record::control::{ChangeReport, ChangeRequest, RevisionReport, RuleChange};

use super::admin::{GatewayError, GatewayErrorKind, RemoteGateway, TIME_LIMIT};

/// The time after its expiry that a change may still be made: the gateway may have checked its
/// clock just before, and a clock may be slewed.
const MARGIN: Duration = Duration::from_secs(1);

/// The history of a gateway, far enough back for any change that a person would undo.
const REVISIONS: &str = "revisions?limit=1000";

/// A gateway and the progress of the change on it.
#[derive(Debug)]
pub(super) struct Member {
    gateway: Arc<RemoteGateway>,
    pub(super) standing: Standing,
}

/// The progress of a change on one gateway.
#[derive(Debug)]
pub(super) enum Standing {
    /// It has not been asked yet.
    New,
    /// It answered the dry run with this report, at this time.
    Would(ChangeReport, Instant),
    /// It did not answer the dry run and is left out.
    Skipped(GatewayError),
    /// It never made the change that is to be undone, or has undone it.
    NothingToUndo(GatewayError),
    /// It did not answer the dry run, or refused it.
    Failed(GatewayError),
    /// It made the change, or its rules were already as the change would leave them.
    Made(ChangeReport),
    /// The request failed, but it has the change, as it said when asked again.
    Has(GatewayError),
    /// It answered the dry run, but did not make the change.
    HasNot(GatewayError),
    /// It was sent the change and does not answer any more.
    Unknown(GatewayError),
}

/// All gateways that a change is for.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) members: Vec<Member>,
    skip_unreachable: bool,
}

impl Member {
    /// The name of the gateway for people.
    pub(super) fn name(&self) -> String {
        self.gateway.name()
    }

    /// The URL as it was given.
    pub(super) fn url(&self) -> &http::Uri {
        self.gateway.url()
    }

    /// The report of a dry run that succeeded.
    pub(super) fn dry_run_report(&self) -> Option<&ChangeReport> {
        match &self.standing {
            Standing::Would(report, _) => Some(report),
            _ => None,
        }
    }

    /// Returns true if its rules are now as asked.
    pub(super) fn has_changed(&self) -> bool {
        matches!(self.standing, Standing::Made(_) | Standing::Has(_))
    }
}

impl Fleet {
    /// A fleet of these gateways. Those that do not answer fail, or are left out if
    /// `skip_unreachable`.
    pub(super) fn new(gateways: Vec<RemoteGateway>, skip_unreachable: bool) -> Self {
        let mut members = Vec::new();
        for gateway in gateways {
            members.push(Member { gateway: Arc::new(gateway), standing: Standing::New });
        }
        Self { members, skip_unreachable }
    }

    /// Asks each gateway for its latest revisions, the newest first. Gateways that do not answer
    /// fail or are left out.
    pub(super) async fn list_revisions(&mut self) -> Vec<Vec<RevisionReport>> {
        let asked = self.ask_new(|gateway| async move { gateway.get_api(REVISIONS).await });
        let mut lists = Vec::new();
        for (index, answer) in asked.await {
            match answer {
                Ok(list) => lists.push(list),
                Err(error) => self.members[index].standing = self.left_out(error),
            }
        }
        lists
    }

    /// Asks every gateway what would happen.
    pub(super) async fn try_out(&mut self, verb: &'static str, request: &ChangeRequest) {
        let dry_run = ChangeRequest { dry_run: true, ..request.clone() };
        let asked = self.ask_new(|gateway| {
            let dry_run = dry_run.clone();
            async move {
                let report = gateway.post_api(verb, &dry_run).await?;
                Ok((report, Instant::now()))
            }
        });
        for (index, answer) in asked.await {
            self.members[index].standing = match answer {
                Ok((report, at)) => Standing::Would(report, at),
                Err(error) => self.left_out(error),
            };
        }
        self.mark_nothing_to_undo();
    }

    /// Makes the change on every gateway that answered the dry run. If `guarded`, a gateway refuses
    /// if another change came after the dry run.
    pub(super) async fn change_all(
        &mut self,
        verb: &'static str,
        request: &ChangeRequest,
        guarded: bool,
    ) {
        let mut sent = JoinSet::new();
        for (index, member) in self.members.iter().enumerate() {
            let Standing::Would(report, at) = &member.standing else { continue };
            let expiry = expiry_after(report, *at);
            let change = ChangeRequest {
                after: if guarded { Some(report.latest) } else { None },
                not_after: expiry.map(|expiry| expiry.by_its_clock.to_string()),
                ..request.clone()
            };
            let gateway = Arc::clone(&member.gateway);
            sent.spawn(async move { (index, make_change(&gateway, verb, &change, expiry).await) });
        }
        for (index, standing) in sent.join_all().await {
            self.members[index].standing = standing;
        }
    }

    /// Returns true if some gateway would refuse more callers.
    pub(super) fn refuses_more(&self) -> bool {
        let previews = self.members.iter().filter_map(Member::dry_run_report);
        previews.flat_map(|report| &report.rules).any(RuleChange::refuses_more)
    }

    /// Returns true if some gateway changed something, or may have.
    pub(super) fn changed_any(&self) -> bool {
        self.members.iter().any(|member| match &member.standing {
            Standing::Made(report) => !report.unchanged,
            Standing::Has(_) | Standing::Unknown(_) => true,
            _ => false,
        })
    }

    /// Marks the gateways without the change that is to be undone, unless none has it.
    fn mark_nothing_to_undo(&mut self) {
        // If none has the change, the refusals are the answer.
        if !self.members.iter().any(|member| member.dry_run_report().is_some()) {
            return;
        }
        for member in &mut self.members {
            if let Standing::Failed(error) = &member.standing
                && matches!(error.code(), Some("unknown-change" | "already-undone"))
            {
                member.standing = Standing::NothingToUndo(error.clone());
            }
        }
    }

    fn left_out(&self, error: GatewayError) -> Standing {
        // A refusal is an answer, and --skip-unreachable is not for gateways that answer.
        if self.skip_unreachable && error.code().is_none() {
            Standing::Skipped(error)
        } else {
            Standing::Failed(error)
        }
    }

    /// Asks all gateways that were not asked yet, at the same time. Returns their answers with
    /// their places in the fleet.
    async fn ask_new<T, F>(
        &self,
        ask: impl Fn(Arc<RemoteGateway>) -> F,
    ) -> Vec<(usize, Result<T, GatewayError>)>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, GatewayError>> + Send + 'static,
    {
        let mut asked = JoinSet::new();
        for (index, member) in self.members.iter().enumerate() {
            if matches!(member.standing, Standing::New) {
                let answer = ask(Arc::clone(&member.gateway));
                asked.spawn(async move { (index, answer.await) });
            }
        }
        let mut answers = asked.join_all().await;
        // In the order of the fleet, so that the choice between two changes of the same time does
        // not depend on which gateway was faster.
        answers.sort_by_key(|(index, _)| *index);
        answers
    }
}

/// The time until which a change may be made.
#[derive(Clone, Copy)]
struct Expiry {
    /// By the clock of the gateway.
    by_its_clock: Timestamp,
    /// By our clock; not before the other.
    by_ours: Instant,
}

/// The expiry of a change that is sent now to the gateway whose dry run is `report`, received `at`
/// then. `None` for a gateway that does not report its time.
fn expiry_after(report: &ChangeReport, at: Instant) -> Option<Expiry> {
    let reported: Timestamp = report.now.as_ref()?.parse().ok()?;
    // The gateway read its clock before its answer came, so its clock is a little ahead of this by
    // now, and the change expires a little earlier there than by our clock.
    let length = SignedDuration::try_from(at.elapsed() + TIME_LIMIT).ok()?;
    let by_its_clock = reported.checked_add(length).ok()?;
    Some(Expiry { by_its_clock, by_ours: Instant::now() + TIME_LIMIT })
}

/// Makes the change on one gateway. If that fails, asks whether the gateway has it.
async fn make_change(
    gateway: &RemoteGateway,
    verb: &str,
    request: &ChangeRequest,
    expiry: Option<Expiry>,
) -> Standing {
    let error = match gateway.post_api(verb, request).await {
        Ok(report) => return Standing::Made(report),
        Err(error) => error,
    };
    // "repeated" says that a change with this id was made before: it may be this one.
    let was_refused = error.code().is_some_and(|code| code != "repeated");
    if was_refused || error.kind == GatewayErrorKind::Unreached {
        return Standing::HasNot(error);
    }
    // An answer of "no" decides nothing yet: the change may still be on its way.
    if has_change(gateway, request).await == Some(true) {
        return Standing::Has(error);
    }
    let Some(expiry) = expiry else { return Standing::Unknown(error) };
    sleep_until(expiry.by_ours + MARGIN).await;
    match has_change(gateway, request).await {
        Some(true) => Standing::Has(error),
        Some(false) => Standing::HasNot(error),
        None => Standing::Unknown(error),
    }
}

/// Asks a gateway whether it has made the change by now; `None` if it does not answer.
async fn has_change(gateway: &RemoteGateway, request: &ChangeRequest) -> Option<bool> {
    let revisions: Vec<RevisionReport> = gateway.get_api(REVISIONS).await.ok()?;
    Some(revisions.iter().any(|revision| Some(&revision.change) == request.change.as_ref()))
}
