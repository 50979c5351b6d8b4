//! `upshift plan`: the calendar of every rule's phases.

mod traffic;

use std::collections::BTreeMap;
use std::io;

use clap::Args;
use upshift_core::{Phase, Policy, Timestamp};
use upshift_record::control::Status;
use upshift_record::{Exit, PlanEntry, plan};

use crate::control::{self, GatewayError, RemoteGateway};
use crate::policy_file::PolicyFile;
use crate::terminal::{Hue, Palette, print_json, print_stdout, visible_record};
use crate::verb_error::{VerbError, VerbResult};
use traffic::{BreakerNeed, RequestRate};

/// Show the calendar of every rule's phases
///
/// A ➤ stands before the phase that holds now. Shares are those of the callers that are refused.
/// Notes say what surprises: a phase that has begun already, where the breaker will stop the
/// rollout, and with --rate where it never can.
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
    /// Ask the gateway with this admin listener, which knows what was paused or set, and not the
    /// policy file
    #[arg(long, value_name = "URL", value_parser = control::parse_admin_url)]
    admin: Option<http::Uri>,
    /// The admin token, where one is asked for
    #[arg(long, value_name = "TOKEN", env = "UPSHIFT_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The requests of all replicas together, such as 2000/min or 50/s: notes which breakers can
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
            print_stdout(&render_table(
                &entries,
                self.at.unwrap_or_else(Timestamp::now),
                Palette::of_stdout(),
            )?)?;
        }
        Ok(Exit::Fine)
    }
}

type Calendar = (Vec<PlanEntry>, BTreeMap<String, BreakerNeed>);

/// The calendar of a policy file, and what its breakers need.
fn calendar_of_file(policy: &Policy) -> Calendar {
    let now = Timestamp::now();
    let mut entries = plan(policy, now);
    for entry in entries.iter_mut().filter(|entry| entry.from.is_some() && holds_at(entry, now)) {
        let percent =
            policy.rule(&entry.rule).map_or(0.0, |rule| rule.rollout_state(now).share.fraction());
        if percent > 0.0 {
            let percent = (percent * 100.0).round();
            entry.notes.push(format!(
                "it begins in the past: if the rule was not deployed before, {percent} % of the callers who fall short \
                 are refused at once"
            ));
        }
    }
    (entries, traffic::needs_of_policy(policy))
}

/// The calendar of a running gateway, and if wanted what its breakers need.
async fn calendar_of_gateway(
    gateway: impl Future<Output = Result<RemoteGateway, VerbError>>,
    wants_needs: bool,
) -> Result<Calendar, VerbError> {
    let gateway = gateway.await?;
    let entries =
        gateway.get_api("plan").await.map_err(|trouble| gateway_failure(&gateway, &trouble))?;
    if !wants_needs {
        return Ok((entries, BTreeMap::new()));
    }
    let status: Status =
        gateway.get_api("status").await.map_err(|trouble| gateway_failure(&gateway, &trouble))?;
    Ok((entries, traffic::needs_of_gateway(&status)))
}

fn gateway_failure(gateway: &RemoteGateway, trouble: &GatewayError) -> VerbError {
    VerbError::environment(format_args!("{}: {trouble}", gateway.name()))
}

fn render_table(entries: &[PlanEntry], now: Timestamp, palette: Palette) -> io::Result<String> {
    let mut text = String::new();
    let mut before = String::new();
    for entry in entries {
        let entry = &visible_record(entry)?;
        if entry.rule != before {
            let gap = if before.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{gap}{}\n", palette.paint(Hue::Bold, &entry.rule)));
            before.clone_from(&entry.rule);
        }
        let holds = holds_at(entry, now);
        let mark = if holds { "➤" } else { " " };
        let hue = match Phase::parse(&entry.phase) {
            _ if !holds => Hue::Faint,
            Some(phase) if phase.refuses() => Hue::Bad,
            Some(Phase::Warn) => Hue::Warning,
            _ => Hue::Good,
        };
        let line = format!(
            "{mark} {:<9} {:<22} {:<22} {}",
            entry.phase,
            shorten_date(entry.from.as_deref(), "always"),
            end_of(entry),
            describe_share(entry)
        );
        text.push_str(&format!(
            "  {}{}\n",
            palette.paint(hue, line.trim_end()),
            describe_setter(entry)
        ));
        for note in &entry.notes {
            text.push_str(&format!(
                "      {}\n",
                palette.paint(Hue::Warning, format_args!("note: {note}"))
            ));
        }
    }
    Ok(text)
}

fn holds_at(entry: &PlanEntry, now: Timestamp) -> bool {
    let at =
        |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
    !entry.held
        && at(&entry.from).is_none_or(|from| from <= now)
        && at(&entry.to).is_none_or(|to| now < to)
}

fn end_of(entry: &PlanEntry) -> String {
    match &entry.to {
        Some(to) => format!("to {}", shorten_date(Some(to), "")),
        None => String::new(),
    }
}

/// Midnight is a date.
fn shorten_date(time: Option<&str>, none: &str) -> String {
    let Some(time) = time else { return none.to_owned() };
    time.strip_suffix("T00:00:00Z").unwrap_or(time).to_owned()
}

fn describe_share(entry: &PlanEntry) -> String {
    let percent = |share: f64| format!("{}%", (share * 10_000.0).round() / 100.0);
    match entry.share_at_end {
        Some(end) => format!("{} → {}", percent(entry.share), percent(end)),
        None if entry.share > 0.0 => percent(entry.share),
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
