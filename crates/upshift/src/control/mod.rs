//! `upshift pause`, `resume`, `set`, `undo`: acting on running gateways.
//!
//! 1. Every gateway is told: each `--admin`, and of a name with several addresses each address.
//! 2. All obeyed is exit 0, anything else is 3. What was done where is said in any case.
//! 3. `resume` first asks all of them what would happen. It goes on only if all answered, and if nowhere more callers
//!    would be refused than when the rule was stopped, or `--yes` was given.

mod admin;

use std::io;

use clap::Args;
use serde_json::json;
use upshift_core::Timestamp;
use upshift_record::Exit;
use upshift_record::control::{ChangeReport, ChangeRequest, RuleChange};

use crate::failure::{Failure, Outcome};
use crate::terminal::{Hue, Palette, print, print_json, say, visible_record};

use admin::Admin;
pub(crate) use admin::{Replica, on_a_runtime, url};

/// Stop a rule, or all, where nobody is refused
///
/// A paused rule still warns and counts. It stays paused over reloads and restarts, until it is resumed or the pause is
/// undone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift pause orders-v2 --reason 'the partner needs a week'
  upshift pause --all
  upshift pause orders-v2 --admin http://gw1:9426 --admin http://gw2:9426

Exit codes: 0 all gateways obeyed, 2 wrong usage, 3 not all obeyed.")]
pub(crate) struct Pause {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    order: Order,
}

/// Let a rule, or all, follow the policy file again
///
/// This is also what resets a breaker that tripped. The share of refused callers is shown as it was when the rule was
/// stopped and as it would be now; where it has risen meanwhile, --yes is needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift resume orders-v2
  upshift resume orders-v2 --yes --reason 'the partner is done'

Exit codes: 0 all gateways obeyed, 2 wrong usage or --yes is needed, 3 not all obeyed.")]
pub(crate) struct Resume {
    #[command(flatten)]
    target: Target,
    /// Resume also where more callers will be refused than when it was stopped
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    order: Order,
}

/// Hold a rule in a phase, whatever its plan says
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift set orders-v2 warn
  upshift set orders-v2 enforce --for 10m --reason 'a brownout by hand'

Exit codes: 0 all gateways obeyed, 2 wrong usage, 3 not all obeyed.")]
pub(crate) struct Set {
    /// The rule
    rule: String,
    /// The phase
    #[arg(value_parser = ["off", "observe", "warn", "enforce", "paused"])]
    phase: String,
    /// Follow the plan again after so long: 10m, 2h, 1d
    #[arg(long = "for", value_name = "DURATION", value_parser = upshift_config::parse_duration)]
    length: Option<std::time::Duration>,
    #[command(flatten)]
    order: Order,
}

/// Take back the latest change
///
/// Again takes back the one before it. What the breaker did is taken back by `resume` only.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift undo

Exit codes: 0 all gateways obeyed, 2 wrong usage, 3 not all obeyed.")]
pub(crate) struct Undo {
    #[command(flatten)]
    order: Order,
}

/// Which rule.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// The rule
    rule: Option<String>,
    /// Every rule
    #[arg(long)]
    all: bool,
}

/// To whom, by whom and why.
#[derive(Debug, Args)]
struct Order {
    #[command(flatten)]
    admin: Admin,
    /// Why, for those who look later
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// Who, for those who look later; left out, the name you are logged in by
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Print what each gateway did as JSON
    #[arg(long)]
    json: bool,
}

impl Pause {
    pub(crate) fn run(self) -> Outcome {
        let request = self.order.request(Some(self.target));
        on_a_runtime(self.order.give("pause", request))
    }
}

impl Resume {
    pub(crate) fn run(self) -> Outcome {
        let request = ChangeRequest { confirm: self.yes, ..self.order.request(Some(self.target)) };
        on_a_runtime(resume(self.order, request))
    }
}

impl Set {
    pub(crate) fn run(self) -> Outcome {
        let until = self.length.map(|length| Timestamp::now().checked_add(length)).transpose();
        let until = until.map_err(|error| Failure::usage(format_args!("--for is too long: {error}")))?;
        let target = Target { rule: Some(self.rule), all: false };
        let (phase, until) = (Some(self.phase), until.map(|until| until.to_string()));
        let request = ChangeRequest { phase, until, ..self.order.request(Some(target)) };
        on_a_runtime(self.order.give("set", request))
    }
}

impl Undo {
    pub(crate) fn run(self) -> Outcome {
        let request = self.order.request(None);
        on_a_runtime(self.order.give("undo", request))
    }
}

impl Order {
    fn request(&self, target: Option<Target>) -> ChangeRequest {
        let Target { rule, all } = target.unwrap_or(Target { rule: None, all: false });
        let actor = self.actor.clone().unwrap_or_else(admin::whoami);
        ChangeRequest { rule, all, actor, reason: self.reason.clone(), ..ChangeRequest::default() }
    }

    /// Tells every gateway, and says what each did.
    async fn give(self, verb: &str, request: ChangeRequest) -> Outcome {
        let gateways = self.admin.replicas().await?;
        let answers = change(&gateways, verb, &request).await;
        self.show(&gateways, &answers)
    }

    fn show(&self, gateways: &[Replica], answers: &[Result<ChangeReport, String>]) -> Outcome {
        if self.json {
            let told = gateways.iter().zip(answers).map(|(gateway, answer)| match answer {
                Ok(report) => json!({ "gateway": gateway.name(), "obeyed": true, "report": report }),
                Err(error) => json!({ "gateway": gateway.name(), "obeyed": false, "error": error }),
            });
            print_json(&told.collect::<Vec<_>>())?;
        }
        for (gateway, answer) in gateways.iter().zip(answers) {
            match answer {
                Ok(report) if !self.json => {
                    print(&done(&gateway.name(), report, Palette::of_stdout())?)?;
                }
                Ok(_) => {}
                Err(error) => say(format_args!("{}: {error}", gateway.name())),
            }
        }
        let obeyed = answers.iter().filter(|answer| answer.is_ok()).count();
        if obeyed == answers.len() {
            return Ok(Exit::Fine);
        }
        Err(Failure::environment(format_args!("{obeyed} of {} gateways obeyed", answers.len())))
    }
}

async fn resume(order: Order, request: ChangeRequest) -> Outcome {
    let gateways = order.admin.replicas().await?;
    let trial = change(&gateways, "resume", &ChangeRequest { dry_run: true, ..request.clone() }).await;
    if trial.iter().any(Result::is_err) {
        // Half of them resumed would be worse than none.
        return order.show(&gateways, &trial);
    }
    let rising = |report: &ChangeReport| report.rules.iter().any(RuleChange::rises);
    let rises = trial.iter().flatten().any(rising);
    for (gateway, report) in gateways.iter().zip(trial.iter().flatten()) {
        for rule in &visible_record(report)?.rules {
            say(format_args!("{}: {}", gateway.name(), shares(rule)));
        }
    }
    if rises && !request.confirm {
        return Err(Failure::usage(
            "more callers would be refused than when it was stopped\n  help: add --yes to resume all the same",
        ));
    }
    let answers = change(&gateways, "resume", &ChangeRequest { confirm: true, ..request }).await;
    order.show(&gateways, &answers)
}

/// What each gateway did of it, in their order.
async fn change(gateways: &[Replica], verb: &str, request: &ChangeRequest) -> Vec<Result<ChangeReport, String>> {
    let mut answers = Vec::new();
    for gateway in gateways {
        answers.push(gateway.post(verb, request).await);
    }
    answers
}

/// `orders-v2: 10% of the callers were refused when it was stopped, 40% would be now`.
fn shares(rule: &RuleChange) -> String {
    let RuleChange { rule, share_before, share, .. } = rule;
    format!(
        "{rule}: {} of the callers were refused when it was stopped, {} would be now",
        percent(*share_before),
        percent(*share)
    )
}

/// One line for each rule that moved.
fn done(gateway: &str, report: &ChangeReport, palette: Palette) -> io::Result<String> {
    let report = visible_record(report)?;
    let number = report.revision.map(|number| format!(", revision {number}")).unwrap_or_default();
    let undoes = report.undoes.map(|number| format!(", undoes {number}")).unwrap_or_default();
    if report.rules.is_empty() {
        return Ok(format!("{gateway}: no rule moved{number}{undoes}\n"));
    }
    let lines = report.rules.iter().map(|rule| {
        let hue = if rule.share > 0.0 { Hue::Bad } else { Hue::Good };
        let now = format!("{} ({} refused)", rule.phase, percent(rule.share));
        let name = palette.paint(Hue::Bold, &rule.rule);
        format!("{gateway}: {name}: {} → {}{number}{undoes}\n", rule.phase_before, palette.paint(hue, now))
    });
    Ok(lines.collect())
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 10_000.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_told_in_words() {
        let rule = RuleChange {
            rule: "orders-v2".into(),
            phase_before: "paused".into(),
            share_before: 0.1,
            phase: "ramp".into(),
            share: 0.4312,
        };
        assert_eq!(
            shares(&rule),
            "orders-v2: 10% of the callers were refused when it was stopped, 43.12% would be now"
        );
        assert!(rule.rises());
    }

    #[test]
    fn what_a_gateway_reports_cannot_act_on_a_terminal() {
        let hostile = "x\u{1b}[2J\r\nfake\u{202e}".to_owned();
        let (rule, phase_before, phase) = (hostile.clone(), hostile.clone(), hostile);
        let rules = vec![RuleChange { rule, phase_before, share_before: 0.0, phase, share: 1.0 }];
        let report = ChangeReport { revision: Some(7), action: "set".into(), undoes: None, rules };
        let text = done("gw:9426", &report, Palette::none()).unwrap_or_default();
        assert_eq!(text.matches("x\\u{1b}[2J\\r\\nfake\\u{202e}").count(), 3, "{text}");
        assert!(text.trim_end().chars().all(upshift_config::is_visible), "{text}");
    }
}
