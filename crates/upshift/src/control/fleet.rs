//! One change on all gateways: a dry run everywhere, then the change with one id, all at the same
//! time.
//!
//! 1. If a gateway does not answer the dry run, nothing is changed anywhere, unless it may be
//!    skipped.
//! 2. If one refuses the dry run, nothing is changed anywhere.
//! 3. A gateway that fails after that is asked whether it has the change: what is said of it is
//!    what it says, or that it is not known.
//! 4. A change may still be on its way when its client has given up, so each carries the time by
//!    the gateway's clock until which it may be made. That a gateway does not have it proves
//!    something only after that time.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use upshift_core::Timestamp;
use upshift_record::control::{ChangeReport, ChangeRequest, RevisionReport, RuleChange};

use super::admin::{GatewayError, GatewayErrorKind, PATIENCE, RemoteGateway};

/// How long after its end a change cannot be made any more: for a gateway that had looked at its
/// clock already, and for clocks that are being set.
const MARGIN: Duration = Duration::from_secs(1);

/// A gateway, and where the change stands with it.
#[derive(Debug)]
pub(super) struct Member {
    gateway: Arc<RemoteGateway>,
    pub(super) standing: Standing,
}

/// Where a change stands with one gateway.
#[derive(Debug)]
pub(super) enum Standing {
    /// It was not asked yet.
    New,
    /// The dry run, and when its answer came: this would happen.
    Would(ChangeReport, Instant),
    /// It was left out, because it did not answer.
    Skipped(GatewayError),
    /// The change to be undone never was on it, or is undone there.
    NotConcerned(GatewayError),
    /// It did not answer the dry run, or refused it.
    Failed(GatewayError),
    /// It obeyed.
    Obeyed(ChangeReport),
    /// It has the change, as it said when asked again.
    Has(GatewayError),
    /// It answered the dry run, and did not make the change.
    HasNot(GatewayError),
    /// It was sent the change, and does not answer any more.
    Unknown(GatewayError),
}

/// All gateways that are meant.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) members: Vec<Member>,
    skips: bool,
}

impl Member {
    /// As it is named to people.
    pub(super) fn name(&self) -> String {
        self.gateway.name()
    }

    /// Its address, as it was given.
    pub(super) fn url(&self) -> &http::Uri {
        self.gateway.url()
    }

    /// What it would do, if it can.
    pub(super) fn dry_run_report(&self) -> Option<&ChangeReport> {
        match &self.standing {
            Standing::Would(report, _) => Some(report),
            _ => None,
        }
    }

    /// Tells whether the change is in force there.
    pub(super) fn has_obeyed(&self) -> bool {
        matches!(self.standing, Standing::Obeyed(_) | Standing::Has(_))
    }
}

impl Fleet {
    /// Of these gateways; `skips` says whether those that do not answer are left out.
    pub(super) fn new(gateways: Vec<RemoteGateway>, skips: bool) -> Self {
        let member = |gateway| Member { gateway: Arc::new(gateway), standing: Standing::New };
        Self { members: gateways.into_iter().map(member).collect(), skips }
    }

    /// The latest revisions of each gateway that answers, the newest first; the others fail or are
    /// left out.
    pub(super) async fn list_revisions(&mut self) -> Vec<Vec<RevisionReport>> {
        let asked = self.ask_each(
            |_| true,
            |gateway| async move { gateway.get_api("revisions?limit=1000").await },
        );
        let mut lists = Vec::new();
        for (index, answer) in asked.await {
            match answer {
                Ok(list) => lists.push(list),
                Err(trouble) => self.members[index].standing = self.left_out(trouble),
            }
        }
        lists
    }

    /// Asks every gateway what would happen.
    pub(super) async fn try_out(&mut self, verb: &'static str, request: &ChangeRequest) {
        let dry = ChangeRequest { dry_run: true, ..request.clone() };
        let open = |member: &Member| matches!(member.standing, Standing::New);
        let asked = self.ask_each(open, |gateway| {
            let dry = dry.clone();
            async move {
                let report = gateway.post_api(verb, &dry).await?;
                Ok((report, Instant::now()))
            }
        });
        for (index, answer) in asked.await {
            self.members[index].standing = match answer {
                Ok((report, came)) => Standing::Would(report, came),
                Err(trouble) => self.left_out(trouble),
            };
        }
        self.leave_out_strangers();
    }

    /// Makes the change on every gateway that can, with the id of `request`.
    pub(super) async fn change_all(
        &mut self,
        verb: &'static str,
        request: &ChangeRequest,
        guarded: bool,
    ) {
        let mut sent = JoinSet::new();
        for (index, member) in self.members.iter().enumerate() {
            let Standing::Would(report, came) = &member.standing else { continue };
            let end = end_of(report, *came);
            let after = guarded.then_some(report.latest);
            let not_after = end.map(|end| end.by_its_clock.to_string());
            let request = ChangeRequest { after, not_after, ..request.clone() };
            let gateway = Arc::clone(&member.gateway);
            sent.spawn(async move { (index, make_change(&gateway, verb, &request, end).await) });
        }
        for (index, standing) in sent.join_all().await {
            self.members[index].standing = standing;
        }
    }

    /// Tells whether some gateway would refuse more callers.
    pub(super) fn refuses_more(&self) -> bool {
        let previews = self.members.iter().filter_map(Member::dry_run_report);
        previews.flat_map(|report| &report.rules).any(RuleChange::rises)
    }

    /// An undo does not concern the gateways without that change, as long as there are others.
    fn leave_out_strangers(&mut self) {
        if !self.members.iter().any(|member| member.dry_run_report().is_some()) {
            return;
        }
        for member in &mut self.members {
            if let Standing::Failed(trouble) = &member.standing
                && matches!(trouble.code(), Some("unknown-change" | "already-undone"))
            {
                member.standing = Standing::NotConcerned(trouble.clone());
            }
        }
    }

    fn left_out(&self, trouble: GatewayError) -> Standing {
        if self.skips && trouble.code().is_none() {
            Standing::Skipped(trouble)
        } else {
            Standing::Failed(trouble)
        }
    }

    /// The answers of the gateways that are `wanted`, which are asked at the same time, with their
    /// places.
    async fn ask_each<T, F>(
        &self,
        wanted: impl Fn(&Member) -> bool,
        ask: impl Fn(Arc<RemoteGateway>) -> F,
    ) -> Vec<(usize, Result<T, GatewayError>)>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, GatewayError>> + Send + 'static,
    {
        let mut asked = JoinSet::new();
        for (index, member) in self.members.iter().enumerate().filter(|(_, member)| wanted(member))
        {
            let answer = ask(Arc::clone(&member.gateway));
            asked.spawn(async move { (index, answer.await) });
        }
        let mut answers = asked.join_all().await;
        answers.sort_by_key(|(index, _)| *index);
        answers
    }
}

/// The time until which a change may be made.
#[derive(Clone, Copy)]
struct End {
    /// By the clock of the gateway.
    by_its_clock: Timestamp,
    /// By this program's; not before the other.
    by_ours: Instant,
}

/// The end of a change that is sent now to the gateway whose dry run is `report`, which `came`
/// then. `None` for a gateway that does not tell its time.
fn end_of(report: &ChangeReport, came: Instant) -> Option<End> {
    let then: Timestamp = report.now.as_ref()?.parse().ok()?;
    // The gateway's clock was at `then` before its answer came, and so is a little further than
    // this has it.
    let length = SignedDuration::try_from(came.elapsed() + PATIENCE).ok()?;
    Some(End { by_its_clock: then.checked_add(length).ok()?, by_ours: Instant::now() + PATIENCE })
}

/// Makes the change on one gateway; where that fails, asks what came of it.
async fn make_change(
    gateway: &RemoteGateway,
    verb: &str,
    request: &ChangeRequest,
    end: Option<End>,
) -> Standing {
    let trouble = match gateway.post_api(verb, request).await {
        Ok(report) => return Standing::Obeyed(report),
        Err(trouble) => trouble,
    };
    let certain = trouble.kind == GatewayErrorKind::Unreached
        || trouble.code().is_some_and(|code| code != "repeated");
    if certain {
        return Standing::HasNot(trouble);
    }
    if has_change(gateway, request).await == Some(true) {
        return Standing::Has(trouble);
    }
    let Some(end) = end else { return Standing::Unknown(trouble) };
    sleep_until(end.by_ours + MARGIN).await;
    match has_change(gateway, request).await {
        Some(true) => Standing::Has(trouble),
        Some(false) => Standing::HasNot(trouble),
        None => Standing::Unknown(trouble),
    }
}

/// Tells whether a gateway has made the change by now; `None` if it does not say.
async fn has_change(gateway: &RemoteGateway, request: &ChangeRequest) -> Option<bool> {
    let list: Vec<RevisionReport> = gateway.get_api("revisions?limit=1000").await.ok()?;
    Some(list.iter().any(|revision| Some(&revision.change) == request.change.as_ref()))
}
