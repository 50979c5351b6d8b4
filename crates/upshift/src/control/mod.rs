//! `upshift pause`, `resume`, `set`, `undo`: changes of rules on running gateways.
//!
//! 1. A change is for every gateway: each `--admin`, and each address of a name that has several.
//! 2. All gateways are asked first what would happen. Nothing is changed if one does not answer, if
//!    one refuses, or if one would refuse more callers and `--yes` is not given.
//! 3. Then all of them make the change, under one id. The exit code is 0 if all made it; a gateway
//!    that was skipped did not.
//! 4. The result that is printed for a gateway is what the gateway itself reported.

mod admin;
mod fleet;
mod latest;
mod report;

use std::io;

use clap::Args;
use upshift_core::Timestamp;
use upshift_core::policy::SettablePhase;
use upshift_record::control::{ChangeRequest, RevisionReport};

use crate::terminal::{print_stderr, visible_record};
use crate::verb_error::{VerbError, VerbResult};

use admin::AdminArgs;
pub(crate) use admin::{RemoteGateway, block_on_gateways, parse_admin_url};
use fleet::Fleet;
use report::FleetReport;

/// Pause a rule, or all rules: no one is refused
///
/// A paused rule still warns and counts. It stays paused across reloads and restarts, until it is
/// resumed or the pause is undone. If the store cannot be written, the rule is paused anyway, and
/// the gateway warns that a restart will forget it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift pause orders-v2 --reason 'the partner needs a week'
  upshift pause --all
  upshift pause orders-v2 --admin http://gw1:9426 --admin http://gw2:9426

Exit codes: 0 every gateway made the change; 2 wrong usage, or every gateway rejected the change;
3 some gateways did not make it.")]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    target: RuleSelection,
    #[command(flatten)]
    common: ChangeArgs,
}

/// Let a rule, or all rules, follow the policy file again
///
/// This also resets a breaker that tripped. Shows the share of refused callers just before the rule
/// was paused or the breaker tripped, and the share that it would be now; if that is more, --yes is
/// needed. For a rule that `set` holds, its current share is compared. To go back to what was set
/// before a pause, undo the pause.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift resume orders-v2
  upshift resume orders-v2 --yes --reason 'the partner is done'

Exit codes: 0 every gateway made the change; 2 wrong usage, --yes is missing, or every gateway
rejected the change; 3 some gateways did not make it.")]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    target: RuleSelection,
    /// Resume even if more callers will be refused than just before it was stopped
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    common: ChangeArgs,
}

/// Hold a rule in a phase, regardless of its plan
///
/// If more callers would be refused than now, --yes is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift set orders-v2 warn
  upshift set orders-v2 enforce --yes --for 10m --reason 'a brownout by hand'

Exit codes: 0 every gateway made the change; 2 wrong usage, --yes is missing, or every gateway
rejected the change; 3 some gateways did not make it.")]
pub(crate) struct SetArgs {
    /// The rule
    rule: String,
    /// The phase
    #[arg(value_parser = SettablePhase::ALL.map(SettablePhase::as_str))]
    phase: String,
    /// Follow the plan again after this time: 10m, 2h, 1d
    #[arg(long = "for", value_name = "DURATION", value_parser = upshift_config::parse_duration)]
    length: Option<std::time::Duration>,
    /// Set it even if more callers will be refused than now
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    common: ChangeArgs,
}

/// Undo a change
///
/// Undoes the latest change in the fleet that is still in effect, or the one with this id; gateways
/// that never made it are left alone. First shows the result for each gateway; if more callers would
/// be refused than now, --yes is needed. Run it again to undo the change before that. To reset a
/// breaker that tripped, use `resume`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift undo
  upshift undo 5f0c21a97e --yes

Exit codes: 0 every gateway that had the change undid it; 2 wrong usage, --yes is missing, or every
gateway rejected the undo; 3 some gateways did not undo it.")]
pub(crate) struct UndoArgs {
    /// The id of the change, as printed by the command that made it; without it, the latest
    #[arg(value_parser = parse_change_id)]
    change: Option<String>,
    /// Undo it even if more callers will be refused than now
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    common: ChangeArgs,
}

/// The rules that a change is for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct RuleSelection {
    /// The rule
    rule: Option<String>,
    /// Every rule
    #[arg(long)]
    all: bool,
}

/// The flags that all changes have: the gateways, the author and the reason.
#[derive(Debug, Args)]
struct ChangeArgs {
    #[command(flatten)]
    admin: AdminArgs,
    /// Why the change is made; kept in the history
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// The person who makes the change; kept in the history. Without it, your login name and this
    /// host
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Skip gateways that do not answer, and list them; the exit code is then 3, because they did
    /// not make the change
    #[arg(long)]
    skip_unreachable: bool,
    /// Print the result of each gateway as JSON
    #[arg(long)]
    json: bool,
}

/// A change that is made on every gateway.
struct FleetChange {
    verb: &'static str,
    request: ChangeRequest,
    /// A description of the change that this one takes back.
    undoes: Option<String>,
}

impl FleetChange {
    fn new(verb: &'static str, request: ChangeRequest) -> Self {
        Self { verb, request, undoes: None }
    }
}

impl PauseArgs {
    pub(crate) fn run(self) -> VerbResult {
        let request = self.common.build_request(Some(self.target));
        block_on_gateways(self.common.carry_out(FleetChange::new("pause", request)))
    }
}

impl ResumeArgs {
    pub(crate) fn run(self) -> VerbResult {
        let request =
            ChangeRequest { confirm: self.yes, ..self.common.build_request(Some(self.target)) };
        block_on_gateways(self.common.carry_out(FleetChange::new("resume", request)))
    }
}

impl SetArgs {
    pub(crate) fn run(self) -> VerbResult {
        // One moment for all gateways. A duration would start on each when the request arrives.
        let mut until = None;
        if let Some(length) = self.length {
            match Timestamp::now().checked_add(length) {
                Ok(time) => until = Some(time.to_string()),
                Err(error) => {
                    return Err(VerbError::usage(format_args!("--for is too long: {error}")));
                }
            }
        }
        let target = RuleSelection { rule: Some(self.rule), all: false };
        let request = ChangeRequest {
            phase: Some(self.phase),
            until,
            confirm: self.yes,
            ..self.common.build_request(Some(target))
        };
        block_on_gateways(self.common.carry_out(FleetChange::new("set", request)))
    }
}

impl UndoArgs {
    pub(crate) fn run(self) -> VerbResult {
        let request = ChangeRequest {
            undo: self.change,
            confirm: self.yes,
            ..self.common.build_request(None)
        };
        block_on_gateways(undo_change(self.common, request))
    }
}

impl ChangeArgs {
    fn build_request(&self, target: Option<RuleSelection>) -> ChangeRequest {
        let RuleSelection { rule, all } =
            target.unwrap_or(RuleSelection { rule: None, all: false });
        let actor = self.actor.clone().unwrap_or_else(admin::default_actor);
        ChangeRequest { rule, all, actor, reason: self.reason.clone(), ..ChangeRequest::default() }
    }

    async fn ask_fleet(&self) -> Fleet {
        Fleet::new(self.admin.gateways().await, self.skip_unreachable)
    }

    /// Makes a change on every gateway and prints the results.
    async fn carry_out(self, change: FleetChange) -> VerbResult {
        let fleet = self.ask_fleet().await;
        try_and_change(fleet, change, self.json).await
    }
}

/// Takes back the change that the request names, or the latest of the fleet.
async fn undo_change(common: ChangeArgs, request: ChangeRequest) -> VerbResult {
    let mut fleet = common.ask_fleet().await;
    let lists = fleet.list_revisions().await;
    let report = FleetReport { fleet: &fleet, verb: "undo", json: common.json };
    // A gateway that is silent may have the latest change.
    report.require_answers()?;
    let chosen = match &request.undo {
        None => latest::latest_standing(&lists),
        // Every gateway that has the change has it under this id, so any of their records will do.
        Some(id) => lists.iter().flatten().find(|revision| revision.change == *id),
    };
    let Some(chosen) = chosen else {
        let why = match &request.undo {
            None => "there is nothing to undo".to_owned(),
            Some(id) => format!("no gateway has change {id}"),
        };
        return Err(report.nothing_changed(&why)?);
    };
    let undoes = Some(describe_revision(chosen)?);
    // The dry run may not choose again: another change can come in between.
    let undo = ChangeRequest { undo: Some(chosen.change.clone()), ..request };
    let change = FleetChange { undoes, ..FleetChange::new("undo", undo) };
    try_and_change(fleet, change, common.json).await
}

/// Asks every gateway what would happen, then makes the change on all of them.
async fn try_and_change(
    mut fleet: Fleet,
    FleetChange { verb, request, undoes }: FleetChange,
    json: bool,
) -> VerbResult {
    fleet.try_out(verb, &request).await;
    let report = FleetReport { fleet: &fleet, verb, json };
    report.require_answers()?;
    report.require_agreement()?;
    if let Some(undoes) = undoes {
        print_stderr(format_args!("undoes change {undoes}"));
    }
    let refuses_more = fleet.refuses_more();
    // A pause is urgent and refuses no one, so there is nothing to weigh before it.
    if refuses_more || verb != "pause" {
        report.print_preview()?;
    }
    if refuses_more && !request.confirm {
        return Err(report.unconfirmed_error()?);
    }
    let id = new_id()?;
    // Confirmed by --yes, or needs no confirmation because no more callers are refused.
    let confirmed = ChangeRequest { confirm: true, change: Some(id.clone()), ..request };
    // A pause is urgent and safe: it is made even if another change came after the dry run.
    fleet.change_all(verb, &confirmed, verb != "pause").await;
    FleetReport { fleet: &fleet, verb, json }.print_results(&id)
}

/// `5f0c21a97e (set orders-v2 warn by ada at 2026-11-25T12:00:00Z)`.
fn describe_revision(revision: &RevisionReport) -> io::Result<String> {
    let RevisionReport { change, action, rule, phase, actor, at, .. } = visible_record(revision)?;
    // A change of all rules names none.
    let rule = rule.unwrap_or_else(|| "--all".to_owned());
    let phase = phase.map(|phase| format!(" {phase}")).unwrap_or_default();
    Ok(format!("{change} ({action} {rule}{phase} by {actor} at {at})"))
}

/// Makes an id that no other change has.
fn new_id() -> Result<String, VerbError> {
    let mut bytes = [0; 5];
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    if random.fill(&mut bytes).is_err() {
        return Err(VerbError::environment("cannot get random numbers from the system"));
    }
    let mut id = String::new();
    for byte in bytes {
        id.push_str(&format!("{byte:02x}"));
    }
    Ok(id)
}

fn parse_change_id(text: &str) -> Result<String, String> {
    if ChangeRequest::is_id(text) {
        return Ok(text.to_owned());
    }
    Err("expected the id of a change, as printed by the command that made it: letters, digits and -"
        .to_owned())
}
