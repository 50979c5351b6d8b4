//! `upshift pause`, `resume`, `set`, `undo`: acting on running gateways.
//!
//! 1. Every gateway is meant: each `--admin`, and of a name with several addresses each address.
//! 2. All of them are asked first what would happen. Nothing is changed if one does not answer, if
//!    one refuses, or if somewhere more callers would be refused and `--yes` is not given.
//! 3. Then all of them make the change, under one id. All obeyed is exit 0; one that was left out
//!    did not obey.
//! 4. What is said to have happened on a gateway is what that gateway said.

mod admin;
mod fleet;
mod latest;
mod report;

use std::io;

use clap::Args;
use upshift_core::{Phase, Timestamp};
use upshift_record::control::{ChangeRequest, RevisionReport};

use crate::terminal::{print_stderr, visible_record};
use crate::verb_error::{VerbError, VerbResult};

use admin::AdminArgs;
pub(crate) use admin::{GatewayError, RemoteGateway, block_on_gateways, parse_admin_url};
use fleet::Fleet;
use report::FleetReport;

/// Stop a rule, or all, where nobody is refused
///
/// A paused rule still warns and counts. It stays paused over reloads and restarts, until it is
/// resumed or the pause is undone. Where the store cannot be written, the rule is paused all the
/// same, and the gateway says what a restart forgets.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift pause orders-v2 --reason 'the partner needs a week'
  upshift pause --all
  upshift pause orders-v2 --admin http://gw1:9426 --admin http://gw2:9426

Exit codes: 0 all gateways obeyed, 2 wrong usage or all refuse, 3 not all obeyed.")]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    target: RuleSelection,
    #[command(flatten)]
    order: ChangeArgs,
}

/// Let a rule, or all, follow the policy file again
///
/// This is also what resets a breaker that tripped. The share of refused callers is shown as it was
/// just before the rule was paused or the breaker tripped, and as it would be now; where that is
/// more, --yes is needed. A rule that is held by `set` is compared with now. To go back to what was
/// set before a pause, undo the pause.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift resume orders-v2
  upshift resume orders-v2 --yes --reason 'the partner is done'

Exit codes: 0 all gateways obeyed, 2 wrong usage, all refuse or --yes is needed, 3 not all obeyed.")]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    target: RuleSelection,
    /// Resume also where more callers will be refused than just before it was stopped
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    order: ChangeArgs,
}

/// Hold a rule in a phase, whatever its plan says
///
/// Where more callers would be refused than now, --yes is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift set orders-v2 warn
  upshift set orders-v2 enforce --yes --for 10m --reason 'a brownout by hand'

Exit codes: 0 all gateways obeyed, 2 wrong usage, all refuse or --yes is needed, 3 not all obeyed.")]
pub(crate) struct SetArgs {
    /// The rule
    rule: String,
    /// The phase
    #[arg(value_parser = Phase::SETTABLE.map(Phase::as_str))]
    phase: String,
    /// Follow the plan again after so long: 10m, 2h, 1d
    #[arg(long = "for", value_name = "DURATION", value_parser = upshift_config::parse_duration)]
    length: Option<std::time::Duration>,
    /// Set it also where more callers will be refused than now
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    order: ChangeArgs,
}

/// Take back a change
///
/// The latest of the whole fleet that still stands, or the one with this id; a gateway that never
/// made it is left alone. Says first what that will do everywhere; where more callers would be
/// refused than now, --yes is needed. Again takes back the change before it. What the breaker did
/// is taken back by `resume` only.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift undo
  upshift undo 5f0c21a97e --yes

Exit codes: 0 all gateways obeyed, 2 wrong usage, all refuse or --yes is needed, 3 not all obeyed.")]
pub(crate) struct UndoArgs {
    /// The id of the change, as the verb that made it printed it; left out, the latest
    #[arg(value_parser = parse_change_id)]
    change: Option<String>,
    /// Undo it also where more callers will be refused than now
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    order: ChangeArgs,
}

/// Which rule.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct RuleSelection {
    /// The rule
    rule: Option<String>,
    /// Every rule
    #[arg(long)]
    all: bool,
}

/// To whom, by whom and why.
#[derive(Debug, Args)]
struct ChangeArgs {
    #[command(flatten)]
    admin: AdminArgs,
    /// Why, for those who look later
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// Who, for those who look later; left out, the name you are logged in by
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Go on without the gateways that do not answer, and name them; the exit code is 3, for not
    /// all obeyed
    #[arg(long)]
    skip_unreachable: bool,
    /// Print what each gateway did as JSON
    #[arg(long)]
    json: bool,
}

/// What a verb does on every gateway.
struct FleetChange {
    verb: &'static str,
    request: ChangeRequest,
    /// The change that is taken back, in words.
    undoes: Option<String>,
}

impl FleetChange {
    fn new(verb: &'static str, request: ChangeRequest) -> Self {
        Self { verb, request, undoes: None }
    }
}

impl PauseArgs {
    pub(crate) fn run(self) -> VerbResult {
        let request = self.order.build_request(Some(self.target));
        block_on_gateways(self.order.carry_out(FleetChange::new("pause", request)))
    }
}

impl ResumeArgs {
    pub(crate) fn run(self) -> VerbResult {
        let request =
            ChangeRequest { confirm: self.yes, ..self.order.build_request(Some(self.target)) };
        block_on_gateways(self.order.carry_out(FleetChange::new("resume", request)))
    }
}

impl SetArgs {
    pub(crate) fn run(self) -> VerbResult {
        let until = self.length.map(|length| Timestamp::now().checked_add(length)).transpose();
        let until =
            until.map_err(|error| VerbError::usage(format_args!("--for is too long: {error}")))?;
        let target = RuleSelection { rule: Some(self.rule), all: false };
        let (phase, until) = (Some(self.phase), until.map(|until| until.to_string()));
        let request = ChangeRequest {
            phase,
            until,
            confirm: self.yes,
            ..self.order.build_request(Some(target))
        };
        block_on_gateways(self.order.carry_out(FleetChange::new("set", request)))
    }
}

impl UndoArgs {
    pub(crate) fn run(self) -> VerbResult {
        let request = ChangeRequest {
            undo: self.change,
            confirm: self.yes,
            ..self.order.build_request(None)
        };
        block_on_gateways(undo_change(self.order, request))
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

    /// Gives every gateway the errand, and says what came of it.
    async fn carry_out(self, errand: FleetChange) -> VerbResult {
        let fleet = self.ask_fleet().await;
        try_and_change(fleet, errand, self.json).await
    }
}

/// Takes back the change that is named, or the latest of the fleet.
async fn undo_change(order: ChangeArgs, request: ChangeRequest) -> VerbResult {
    let mut fleet = order.ask_fleet().await;
    let lists = fleet.list_revisions().await;
    let report = FleetReport { fleet: &fleet, verb: "undo", json: order.json };
    report.require_answers()?;
    let named = request.undo.as_ref();
    let chosen = match named {
        None => latest::latest_standing(&lists),
        Some(id) => lists.iter().flatten().find(|revision| revision.change == *id),
    };
    let Some(chosen) = chosen else {
        return Err(report.nothing_changed(match named {
            None => "there is nothing to undo".to_owned(),
            Some(id) => format!("no gateway knows a change {id}"),
        })?);
    };
    let undoes = Some(describe_revision(chosen)?);
    let request = ChangeRequest { undo: Some(chosen.change.clone()), ..request };
    try_and_change(fleet, FleetChange { undoes, ..FleetChange::new("undo", request) }, order.json)
        .await
}

/// The dry run everywhere, then the change everywhere.
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
    if refuses_more || verb != "pause" {
        report.print_preview()?;
    }
    if refuses_more && !request.confirm {
        return Err(report.unconfirmed_error()?);
    }
    let id = new_id()?;
    // It is confirmed: by --yes, or because nothing rises. A pause is made also if something else
    // is changed meanwhile.
    let request = ChangeRequest { confirm: true, change: Some(id.clone()), ..request };
    fleet.change_all(verb, &request, verb != "pause").await;
    FleetReport { fleet: &fleet, verb, json }.print_results(&id)
}

/// `5f0c21a97e (set orders-v2 warn by ada at 2026-11-25T12:00:00Z)`.
fn describe_revision(revision: &RevisionReport) -> io::Result<String> {
    let RevisionReport { change, action, rule, phase, actor, at, .. } = visible_record(revision)?;
    let rule = rule.unwrap_or_else(|| "--all".to_owned());
    let phase = phase.map(|phase| format!(" {phase}")).unwrap_or_default();
    Ok(format!("{change} ({action} {rule}{phase} by {actor} at {at})"))
}

/// An id that no other change has.
fn new_id() -> Result<String, VerbError> {
    let mut bytes = [0; 5];
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    random
        .fill(&mut bytes)
        .map_err(|_| VerbError::environment("the system gives no random numbers"))?;
    Ok(bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")))
}

fn parse_change_id(text: &str) -> Result<String, String> {
    if ChangeRequest::is_id(text) {
        return Ok(text.to_owned());
    }
    Err("expected the id of a change, as the verb that made it printed it: letters, digits and -"
        .to_owned())
}
