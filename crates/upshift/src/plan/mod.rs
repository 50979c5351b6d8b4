//! `upshift plan`: the calendar of every rule's phases.

mod traffic;

use std::collections::BTreeMap;
use std::io;

use clap::Args;
use upshift_core::{Phase, Policy, Timestamp};
use upshift_record::control::RolloutStatus;
use upshift_record::{Exit, PlanEntry, plan_entries};

use crate::control::{self, RemoteGateway};
use crate::policy_file::PolicyFile;
use crate::terminal::{Hue, Palette, format_percent, print_json, print_stdout, visible_record};
use crate::verb_error::{VerbError, VerbResult};
use traffic::{BreakerNeed, RequestRate};

/// Show the calendar of every rule's phases
///
/// A ➤ marks the phase that holds now. Shares are of the callers that are refused. Notes point out
/// surprises: a phase that has begun already, where the breaker will stop the rollout, and with
/// --rate where it never can.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift plan
  upshift plan --at 2027-01-15
  upshift plan --admin http://127.0.0.1:9426
  upshift plan --rate 2000/min --replicas 20
  upshift plan --json | jq '.[] | select(.phase == \"brownout\") | .from'")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    file: PolicyFile,
    /// Mark the phases that hold at this time instead of now
    #[arg(long, value_name = "TIME", value_parser = crate::arguments::parse_time)]
    at: Option<Timestamp>,
    /// Ask the gateway with this admin listener, which knows what was paused or set, instead of
    /// reading the policy file
    #[arg(long, value_name = "URL", value_parser = control::parse_admin_url)]
    admin: Option<http::Uri>,
    /// The admin token, if the gateway asks for one
    #[arg(long, value_name = "TOKEN", env = "UPSHIFT_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The requests to all replicas together, such as 2000/min or 50/s: notes which breakers can
    /// never trip
    #[arg(long, value_name = "RATE", value_parser = traffic::parse_rate)]
    rate: Option<RequestRate>,
    /// The replicas that share the requests of --rate; each has a breaker of its own
    #[arg(
        long, value_name = "N", default_value_t = 1, requires = "rate",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    replicas: u32,
    /// Print the calendar as JSON
    #[arg(long)]
    json: bool,
}

impl PlanArgs {
    pub(crate) fn run(self) -> VerbResult {
        let (mut entries, needs) = match self.admin {
            Some(url) => control::block_on_gateways(calendar_of_gateway(
                RemoteGateway::at_first_address(url, self.token),
                self.rate.is_some(),
            ))?,
            None => calendar_of_file(&self.file.load_and_report()?.file.policy),
        };
        if let Some(rate) = &self.rate {
            traffic::note_blind_breakers(&mut entries, &needs, rate, self.replicas);
        }
        if self.json {
            print_json(&entries)?;
        } else if entries.is_empty() {
            return Err(VerbError::Message(Exit::NothingRun, "the policy has no rules".to_owned()));
        } else {
            let now = self.at.unwrap_or_else(Timestamp::now);
            print_stdout(&render_table(&entries, now, Palette::of_stdout())?)?;
        }
        Ok(Exit::Fine)
    }
}

/// The stretches of every rule, and the needs of the breakers by rule.
type Calendar = (Vec<PlanEntry>, BTreeMap<String, BreakerNeed>);

/// Reads the calendar from a policy file.
fn calendar_of_file(policy: &Policy) -> Calendar {
    // The real time, also with --at: the note is about deploying the file today.
    let now = Timestamp::now();
    let mut entries = plan_entries(policy, now);
    for entry in &mut entries {
        // A stretch without a begin is the phase before any plan, or a rule without one.
        if entry.from.is_none() || !holds_at(entry, now) {
            continue;
        }
        let Some(rule) = policy.rule(&entry.rule) else { continue };
        let share = rule.rollout_state(now).share.fraction();
        if share > 0.0 {
            let percent = (share * 100.0).round();
            entry.notes.push(format!(
                "it begins in the past: if the rule was not deployed before, {percent} % of the \
                 callers who do not meet the requirement are refused at once"
            ));
        }
    }
    (entries, traffic::needs_of_policy(policy))
}

/// Asks a running gateway for the calendar, and for the needs of its breakers if they are wanted.
async fn calendar_of_gateway(
    lookup: impl Future<Output = Result<RemoteGateway, VerbError>>,
    wants_needs: bool,
) -> Result<Calendar, VerbError> {
    let gateway = lookup.await?;
    let entries = match gateway.get_api("plan").await {
        Ok(entries) => entries,
        Err(error) => return Err(gateway.verb_error(&error)),
    };
    if !wants_needs {
        return Ok((entries, BTreeMap::new()));
    }
    match gateway.get_api::<RolloutStatus>("status").await {
        Ok(status) => Ok((entries, traffic::needs_of_gateway(&status))),
        Err(error) => Err(gateway.verb_error(&error)),
    }
}

fn render_table(entries: &[PlanEntry], now: Timestamp, palette: Palette) -> io::Result<String> {
    let mut text = String::new();
    let mut rule_above = String::new();
    for entry in entries {
        let visible = visible_record(entry)?;
        if visible.rule != rule_above {
            let gap = if rule_above.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{gap}{}\n", palette.paint(Hue::Bold, &visible.rule)));
            rule_above.clone_from(&visible.rule);
        }
        text.push_str(&render_stretch(&visible, now, palette));
    }
    Ok(text)
}

/// The line of one stretch, and a line for each of its notes.
fn render_stretch(entry: &PlanEntry, now: Timestamp, palette: Palette) -> String {
    let holds = holds_at(entry, now);
    let mark = if holds { "➤" } else { " " };
    let hue = match Phase::parse(&entry.phase) {
        _ if !holds => Hue::Faint,
        Some(phase) if phase.refuses() => Hue::Bad,
        Some(Phase::Warn) => Hue::Warning,
        _ => Hue::Good,
    };
    let from = shorten_date(entry.from.as_deref(), "always");
    let to = match &entry.to {
        Some(to) => format!("to {}", shorten_date(Some(to), "")),
        None => String::new(),
    };
    let share = describe_share(entry);
    let line = format!("{mark} {:<9} {from:<22} {to:<22} {share}", entry.phase);
    let painted = palette.paint(hue, line.trim_end());
    let mut text = format!("  {painted}{}\n", describe_setter(entry));
    for note in &entry.notes {
        let painted_note = palette.paint(Hue::Warning, format!("note: {note}"));
        text.push_str(&format!("      {painted_note}\n"));
    }
    text
}

fn holds_at(entry: &PlanEntry, now: Timestamp) -> bool {
    // A time that cannot be read is no limit.
    let has_begun = parse_time(entry.from.as_deref()).is_none_or(|from| from <= now);
    let has_ended = parse_time(entry.to.as_deref()).is_some_and(|to| to <= now);
    // A gateway lists what an override holds back as well, and marks it.
    has_begun && !has_ended && !entry.held
}

fn parse_time(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}

/// Leaves midnight off, so that it is a date.
fn shorten_date(time: Option<&str>, none: &str) -> String {
    let Some(time) = time else { return none.to_owned() };
    time.strip_suffix("T00:00:00Z").unwrap_or(time).to_owned()
}

fn describe_share(entry: &PlanEntry) -> String {
    let share = format_percent(entry.share);
    match entry.share_at_end {
        Some(end) => format!("{share} → {}", format_percent(end)),
        None if entry.share > 0.0 => share,
        None => String::new(),
    }
}

fn describe_setter(entry: &PlanEntry) -> String {
    match (&entry.set_by, &entry.reason) {
        (Some(by), Some(reason)) if !reason.is_empty() => format!("  set by {by}: {reason}"),
        (Some(by), _) => format!("  set by {by}"),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    /// A person who may set a rule could control the terminals of those who looked at the plan.
    #[test]
    fn what_a_gateway_has_stored_cannot_act_on_a_terminal() {
        let hostile = "x\u{1b}]0;owned\u{7}\r\nfake\u{202e}";
        let entry: PlanEntry = serde_json::from_value(serde_json::json!({
            "rule": hostile, "phase": hostile, "from": hostile, "to": hostile, "share": 1.0,
            "set_by": hostile, "reason": hostile, "notes": [hostile],
        }))
        .unwrap();
        let text = render_table(&[entry], Timestamp::UNIX_EPOCH, Palette::colourless()).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert_eq!(text.matches("x\\u{1b}]0;owned\\u{7}\\r\\nfake\\u{202e}").count(), 7, "{text}");
        assert!(text.lines().flat_map(str::chars).all(upshift_config::is_visible), "{text}");
    }
}
