//! What is said of a change: what it would do, why it was not made, and what became of it on each
//! gateway.

use std::io;

use upshift_record::Exit;
use upshift_record::control::{ChangeReport, GatewayOutcome, RuleChange};

use super::fleet::{Fleet, Member, Standing};
use crate::terminal::{Hue, Palette, print_json, print_stderr, print_stdout, visible_record};
use crate::verb_error::{VerbError, VerbResult};

/// What is said of a change on a fleet.
pub(super) struct FleetReport<'r> {
    pub(super) fleet: &'r Fleet,
    pub(super) verb: &'static str,
    pub(super) json: bool,
}

impl FleetReport<'_> {
    /// Tells whether enough gateways answered to go on.
    pub(super) fn require_answers(&self) -> Result<(), VerbError> {
        let mut silent = Vec::new();
        for member in &self.fleet.members {
            if let Standing::Failed(trouble) = &member.standing
                && trouble.code().is_none()
            {
                silent.push(format!("{} did not answer ({trouble})", member.name()));
            }
        }
        if !silent.is_empty() {
            let why =
                format!("{}\n  help: --skip-unreachable goes on without it", silent.join(", "));
            return Err(self.unchanged_error(Exit::Environment, &why)?);
        }
        let none =
            self.fleet.members.iter().all(|member| matches!(member.standing, Standing::Skipped(_)));
        if none {
            let troubles = self.members_with(|standing| matches!(standing, Standing::Skipped(_)));
            return Err(self.unchanged_error(
                Exit::Environment,
                &format!("no gateway answered: {}", troubles.join(", ")),
            )?);
        }
        Ok(())
    }

    /// Tells whether no gateway refuses.
    pub(super) fn require_agreement(&self) -> Result<(), VerbError> {
        let refusals = self.members_with(|standing| matches!(standing, Standing::Failed(_)));
        if refusals.is_empty() {
            return Ok(());
        }
        let all_refuse = !self.fleet.members.iter().any(|member| member.dry_run_report().is_some());
        let exit = if all_refuse { Exit::Usage } else { Exit::Environment };
        Err(self.unchanged_error(exit, &refusals.join(", "))?)
    }

    /// Says what would happen.
    pub(super) fn print_preview(&self) -> Result<(), VerbError> {
        for member in &self.fleet.members {
            let Some(report) = member.dry_run_report() else { continue };
            let report = visible_record(report)?;
            for rule in &report.rules {
                print_stderr(format_args!("{}: {}", member.name(), describe_preview(rule)));
            }
            if report.rules.is_empty() {
                print_stderr(format_args!("{}: no rule would move", member.name()));
            }
        }
        Ok(())
    }

    /// Nothing is changed, because more callers would be refused.
    pub(super) fn unconfirmed_error(&self) -> Result<VerbError, VerbError> {
        let previews = self.fleet.members.iter().filter_map(Member::dry_run_report);
        let than = RuleChange::than(previews.flat_map(|report| &report.rules));
        let verb = self.verb;
        let why = format!(
            "more callers would be refused than {than}\n  help: add --yes to {verb} all the same"
        );
        self.unchanged_error(Exit::Usage, &why)
    }

    /// Nothing is changed, because it cannot be.
    pub(super) fn nothing_changed(&self, why: String) -> Result<VerbError, VerbError> {
        self.unchanged_error(Exit::Usage, &why)
    }

    /// Says what became of the change on each gateway.
    pub(super) fn print_results(&self, id: &str) -> VerbResult {
        if self.json {
            self.print_json(Some(id), None)?;
        }
        for member in &self.fleet.members {
            self.print_standing(member, id)?;
        }
        let wanted = |member: &&Member| !matches!(member.standing, Standing::NotConcerned(_));
        let members: Vec<&Member> = self.fleet.members.iter().filter(wanted).collect();
        let obeyed = members.iter().filter(|member| member.has_obeyed()).count();
        if obeyed == members.len() {
            return Ok(Exit::Fine);
        }
        let unknown = members.iter().any(|member| matches!(member.standing, Standing::Unknown(_)));
        let help = match (obeyed, self.verb) {
            (0, _) if !unknown => String::new(),
            (_, "undo") => {
                "\n  help: undo that change again, and only the gateways that still have it obey"
                    .to_owned()
            }
            (_, _) => format!("\n  help: `upshift undo {id}` takes it back where it was made"),
        };
        Err(VerbError::environment(format_args!(
            "{obeyed} of {} gateways obeyed{help}",
            members.len()
        )))
    }

    fn print_standing(&self, member: &Member, id: &str) -> Result<(), VerbError> {
        let name = member.name();
        match &member.standing {
            Standing::Obeyed(report) => {
                if !self.json {
                    print_stdout(&render_result(&name, report, Palette::of_stdout())?)?;
                }
                if let Some(warning) = &report.warning {
                    print_stderr(format_args!("warning: {name}: {warning}"));
                }
            }
            Standing::Has(trouble) => {
                print_stderr(format_args!(
                    "{name}: it made change {id}, though asking it for that failed: {trouble}"
                ));
            }
            Standing::HasNot(trouble) => {
                print_stderr(format_args!("{name}: not changed: {trouble}"))
            }
            Standing::Unknown(trouble) => print_stderr(format_args!(
                "{name}: it is not known whether it made change {id}: {trouble}\n  help: when it answers, `upshift plan \
                 --admin {}` shows where its rules stand",
                member.url()
            )),
            Standing::Skipped(trouble) => print_stderr(format_args!("{name}: left out: {trouble}")),
            Standing::NotConcerned(trouble) => {
                print_stderr(format_args!("{name}: not concerned: {trouble}"))
            }
            Standing::New | Standing::Would(..) | Standing::Failed(_) => {}
        }
        Ok(())
    }

    /// The failure that says that nothing was changed, which JSON has then said, too.
    fn unchanged_error(&self, exit: Exit, why: &str) -> Result<VerbError, VerbError> {
        if self.json {
            let reason = why.lines().next().unwrap_or_default();
            self.print_json(None, Some(&format!("nothing was changed: {reason}")))?;
        }
        Ok(VerbError::Message(exit, format!("nothing was changed: {why}")))
    }

    /// `gw1:9426: there is no rule x`, for each gateway that stands so.
    fn members_with(&self, stands: impl Fn(&Standing) -> bool) -> Vec<String> {
        let mut troubles = Vec::new();
        for member in self.fleet.members.iter().filter(|member| stands(&member.standing)) {
            if let Standing::Failed(trouble) | Standing::Skipped(trouble) = &member.standing {
                troubles.push(format!("{}: {trouble}", member.name()));
            }
        }
        troubles
    }

    fn print_json(&self, id: Option<&str>, nothing: Option<&str>) -> io::Result<()> {
        let outcomes: Vec<_> =
            self.fleet.members.iter().map(|member| gateway_outcome(member, id, nothing)).collect();
        print_json(&outcomes)
    }
}

/// What became of a change on one gateway; `nothing` says why it was made nowhere.
fn gateway_outcome(member: &Member, id: Option<&str>, nothing: Option<&str>) -> GatewayOutcome {
    let (word, trouble) = match &member.standing {
        Standing::Obeyed(_) => ("changed", None),
        Standing::Has(trouble) => ("changed", Some(trouble)),
        Standing::Unknown(trouble) => ("unknown", Some(trouble)),
        Standing::Skipped(trouble) => ("skipped", Some(trouble)),
        Standing::NotConcerned(trouble) => ("not-concerned", Some(trouble)),
        Standing::HasNot(trouble) | Standing::Failed(trouble) => ("unchanged", Some(trouble)),
        Standing::New | Standing::Would(..) => ("unchanged", None),
    };
    let report =
        if let Standing::Obeyed(report) = &member.standing { Some(report.clone()) } else { None };
    GatewayOutcome {
        gateway: member.name(),
        obeyed: member.has_obeyed(),
        outcome: word.to_owned(),
        change: id.map(str::to_owned),
        report,
        would: member.dry_run_report().cloned(),
        error: trouble.map(ToString::to_string).or_else(|| nothing.map(str::to_owned)),
    }
}

/// `orders-v2: warn → enforce: 0% of the callers are refused, 100% would be`; of a rule that was
/// stopped,
/// `orders-v2: 10% of the callers were refused when it was stopped at 2026-11-25T12:00:00Z, 40% would be now`.
fn describe_preview(rule: &RuleChange) -> String {
    let RuleChange { rule, phase_before, share_before, phase, share, stopped } = rule;
    let (before, after) = (format_percent(*share_before), format_percent(*share));
    match stopped {
        Some(at) => {
            format!(
                "{rule}: {before} of the callers were refused when it was stopped at {at}, {after} would be now"
            )
        }
        None => format!(
            "{rule}: {phase_before} → {phase}: {before} of the callers are refused, {after} would be"
        ),
    }
}

/// One line for each rule that moved.
fn render_result(gateway: &str, report: &ChangeReport, palette: Palette) -> io::Result<String> {
    let report = visible_record(report)?;
    let number = report.revision.map(|number| format!(", revision {number}")).unwrap_or_default();
    let id = report.change.as_ref().map(|id| format!(", change {id}")).unwrap_or_default();
    let undoes =
        report.undoes_change.as_ref().map(|id| format!(", undoes {id}")).unwrap_or_default();
    if report.rules.is_empty() {
        return Ok(format!("{gateway}: no rule moved{number}{id}{undoes}\n"));
    }
    let lines = report.rules.iter().map(|rule| {
        let hue = if rule.share > 0.0 { Hue::Bad } else { Hue::Good };
        let now = format!("{} ({} refused)", rule.phase, format_percent(rule.share));
        let name = palette.paint(Hue::Bold, &rule.rule);
        format!(
            "{gateway}: {name}: {} → {}{number}{id}{undoes}\n",
            rule.phase_before,
            palette.paint(hue, now)
        )
    });
    Ok(lines.collect())
}

fn format_percent(share: f64) -> String {
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
            stopped: None,
        };
        assert_eq!(
            describe_preview(&rule),
            "orders-v2: paused → ramp: 10% of the callers are refused, 43.12% would be"
        );
        assert!(rule.rises());
        assert_eq!(RuleChange::than([&rule]), "now");
        let rule = RuleChange { stopped: Some("2026-11-25T12:00:00Z".into()), ..rule };
        let told = "orders-v2: 10% of the callers were refused when it was stopped at 2026-11-25T12:00:00Z, 43.12% would \
                    be now";
        assert_eq!(
            (describe_preview(&rule).as_str(), RuleChange::than([&rule])),
            (told, "when it was stopped")
        );
    }

    #[test]
    fn what_a_gateway_reports_cannot_act_on_a_terminal() {
        let hostile = "x\u{1b}[2J\r\nfake\u{202e}".to_owned();
        let (rule, phase_before, phase) = (hostile.clone(), hostile.clone(), hostile.clone());
        let rules = vec![RuleChange {
            rule,
            phase_before,
            share_before: 0.0,
            phase,
            share: 1.0,
            stopped: None,
        }];
        let report = ChangeReport {
            revision: Some(7),
            action: "set".into(),
            change: Some(hostile.clone()),
            latest: 7,
            undoes: None,
            undoes_change: Some(hostile),
            kept: Some(true),
            warning: None,
            now: None,
            rules,
        };
        let text = render_result("gw:9426", &report, Palette::colourless()).unwrap_or_default();
        assert_eq!(text.matches("x\\u{1b}[2J\\r\\nfake\\u{202e}").count(), 5, "{text}");
        assert!(text.trim_end().chars().all(upshift_config::is_visible), "{text}");
    }
}
