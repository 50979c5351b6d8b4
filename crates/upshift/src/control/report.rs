//! The output of a change: the dry run, the reason why nothing was changed, and the result on each
//! gateway.

use std::io;

use upshift_record::Exit;
use upshift_record::control::{ChangeReport, GatewayOutcome, RuleChange};

use super::fleet::{Fleet, Member, Standing};
use crate::terminal::{
    Hue, Palette, format_percent, minute_text, print_json, print_stderr, print_stdout,
    visible_record,
};
use crate::verb_error::{VerbError, VerbResult};

/// The output of a change on a fleet.
pub(super) struct FleetReport<'r> {
    pub(super) fleet: &'r Fleet,
    pub(super) verb: &'static str,
    pub(super) json: bool,
}

impl FleetReport<'_> {
    /// Checks that enough gateways answered to go on.
    pub(super) fn require_answers(&self) -> Result<(), VerbError> {
        let mut silent = Vec::new();
        let mut skipped = Vec::new();
        for member in &self.fleet.members {
            match &member.standing {
                // Without a code it is no refusal.
                Standing::Failed(error) if error.code().is_none() => {
                    silent.push(format!("{} did not answer ({error})", member.name()));
                }
                Standing::Skipped(error) => skipped.push(format!("{}: {error}", member.name())),
                _ => {}
            }
        }
        if !silent.is_empty() {
            let why = format!(
                "{}\n  help: add --skip-unreachable to go on without it",
                silent.join(", ")
            );
            return Err(self.unchanged_error(Exit::Environment, &why)?);
        }
        // --skip-unreachable may leave gateways out, but not all of them.
        if skipped.len() == self.fleet.members.len() {
            let why = format!("no gateway answered: {}", skipped.join(", "));
            return Err(self.unchanged_error(Exit::Environment, &why)?);
        }
        Ok(())
    }

    /// Checks that no gateway refuses the change.
    pub(super) fn require_agreement(&self) -> Result<(), VerbError> {
        let mut refusals = Vec::new();
        for member in &self.fleet.members {
            if let Standing::Failed(error) = &member.standing {
                refusals.push(format!("{}: {error}", member.name()));
            }
        }
        if refusals.is_empty() {
            return Ok(());
        }
        let some_agree = self.fleet.members.iter().any(|member| member.dry_run_report().is_some());
        // If all refuse, the request is wrong. If only some do, the gateways differ.
        let exit = if some_agree { Exit::Environment } else { Exit::Usage };
        Err(self.unchanged_error(exit, &refusals.join(", "))?)
    }

    /// Prints what would happen.
    pub(super) fn print_preview(&self) -> Result<(), VerbError> {
        for member in &self.fleet.members {
            let Some(report) = member.dry_run_report() else { continue };
            // The result says so.
            if report.unchanged {
                continue;
            }
            let visible = visible_record(report)?;
            for rule in &visible.rules {
                print_stderr(format_args!("{}: {}", member.name(), describe_preview(rule)));
            }
            if visible.rules.is_empty() {
                print_stderr(format_args!("{}: no rule would change", member.name()));
            }
            if let Some(canary) = &visible.canary {
                print_stderr(format_args!("{}: {canary}", member.name()));
            }
        }
        Ok(())
    }

    /// The error for a change that needs `--yes`, because more callers would be refused.
    pub(super) fn unconfirmed_error(&self) -> Result<VerbError, VerbError> {
        let mut rules = Vec::new();
        for member in &self.fleet.members {
            if let Some(report) = member.dry_run_report() {
                rules.extend(&report.rules);
            }
        }
        let than = RuleChange::compared_moment(rules);
        let verb = self.verb;
        let why = format!(
            "more callers would be refused than {than}\n  help: add --yes to {verb} anyway"
        );
        self.unchanged_error(Exit::Usage, &why)
    }

    /// The error for a change that cannot be made.
    pub(super) fn nothing_changed(&self, why: &str) -> Result<VerbError, VerbError> {
        self.unchanged_error(Exit::Usage, why)
    }

    /// Prints the result on each gateway.
    pub(super) fn print_results(&self, id: &str) -> VerbResult {
        if self.json {
            let made = if self.fleet.changed_any() { Some(id) } else { None };
            self.print_json(made, None)?;
        }
        let (mut affected, mut changed, mut is_unknown) = (0, 0, false);
        for member in &self.fleet.members {
            self.print_standing(member, id)?;
            affected += usize::from(!matches!(member.standing, Standing::NothingToUndo(_)));
            changed += usize::from(member.has_changed());
            is_unknown |= matches!(member.standing, Standing::Unknown(_));
        }
        if changed == affected {
            return Ok(Exit::Fine);
        }
        let help = match (changed, self.verb) {
            // No gateway made the change, so there is nothing to undo.
            (0, _) if !is_unknown => String::new(),
            (_, "undo") => {
                "\n  help: run the same undo again: it changes only the gateways that still have \
                 the change"
                    .to_owned()
            }
            (_, _) => format!(
                "\n  help: to undo it on the gateways that made it, run `upshift undo {id}`"
            ),
        };
        Err(VerbError::environment(format_args!(
            "{changed} of {affected} gateways made the change{help}"
        )))
    }

    fn print_standing(&self, member: &Member, id: &str) -> Result<(), VerbError> {
        let name = member.name();
        match &member.standing {
            Standing::Made(report) => {
                // In the JSON this is part of the report.
                if !self.json {
                    print_stdout(&render_result(&name, report, Palette::of_stdout())?)?;
                }
                if let Some(warning) = &report.warning {
                    print_stderr(format_args!("warning: {name}: {warning}"));
                }
            }
            Standing::Has(error) => print_stderr(format_args!(
                "{name}: it made change {id}, although the request for it failed: {error}"
            )),
            Standing::HasNot(error) => print_stderr(format_args!("{name}: not changed: {error}")),
            Standing::Unknown(error) => {
                print_stderr(format_args!(
                    "{name}: it may or may not have made change {id}: {error}"
                ));
                let url = member.url();
                print_stderr(format_args!(
                    "  help: when it answers again, run `upshift plan --admin {url}` to see the \
                     state of its rules"
                ));
            }
            Standing::Skipped(error) => print_stderr(format_args!("{name}: skipped: {error}")),
            Standing::NothingToUndo(error) => {
                print_stderr(format_args!("{name}: nothing to undo: {error}"));
            }
            // Cannot follow a change: every gateway was asked, `require_answers` and
            // `require_agreement` have rejected failures, and `change_all` has replaced `Would`.
            Standing::New | Standing::Would(..) | Standing::Failed(_) => {}
        }
        Ok(())
    }

    /// The error which says that nothing was changed. With `--json` that is printed as JSON, too.
    fn unchanged_error(&self, exit: Exit, why: &str) -> Result<VerbError, VerbError> {
        if self.json {
            // Without the help, which is for people.
            let reason = why.lines().next().unwrap_or_default();
            self.print_json(None, Some(&format!("nothing was changed: {reason}")))?;
        }
        Ok(VerbError::Message(exit, format!("nothing was changed: {why}")))
    }

    fn print_json(&self, id: Option<&str>, nothing: Option<&str>) -> io::Result<()> {
        let mut outcomes = Vec::new();
        for member in &self.fleet.members {
            outcomes.push(gateway_outcome(member, id, nothing));
        }
        print_json(&outcomes)
    }
}

/// The record of a change on one gateway; `nothing` is the reason if it was made on none.
fn gateway_outcome(member: &Member, id: Option<&str>, nothing: Option<&str>) -> GatewayOutcome {
    let (outcome, error) = match &member.standing {
        Standing::Made(report) if report.unchanged => ("nothing-to-change", None),
        Standing::Made(_) => ("changed", None),
        Standing::Has(error) => ("changed", Some(error)),
        Standing::Unknown(error) => ("unknown", Some(error)),
        Standing::Skipped(error) => ("skipped", Some(error)),
        Standing::NothingToUndo(error) => ("not-concerned", Some(error)),
        Standing::HasNot(error) | Standing::Failed(error) => ("unchanged", Some(error)),
        Standing::New | Standing::Would(..) => ("unchanged", None),
    };
    let report =
        if let Standing::Made(report) = &member.standing { Some(report.clone()) } else { None };
    GatewayOutcome {
        gateway: member.name(),
        obeyed: member.has_changed(),
        outcome: outcome.to_owned(),
        change: id.map(str::to_owned),
        report,
        would: member.dry_run_report().cloned(),
        error: match error {
            Some(error) => Some(error.to_string()),
            None => nothing.map(str::to_owned),
        },
    }
}

/// `orders-v2: warn → enforce: 0% of the callers are refused, 100% would be`, or for a rule that
/// was stopped:
/// `orders-v2: 10% of the callers were refused when it was stopped at TIME, 40% would be now`.
fn describe_preview(rule: &RuleChange) -> String {
    let RuleChange { rule, phase_before, share_before, phase, share, stopped } = rule;
    let (before, after) = (format_percent(*share_before), format_percent(*share));
    match stopped {
        Some(at) => format!(
            "{rule}: {before} of the callers were refused when it was stopped at {}, \
             {after} would be now",
            minute_text(at)
        ),
        None => format!(
            "{rule}: {phase_before} → {phase}: {before} of the callers are refused, {after} would be"
        ),
    }
}

/// One line for each rule that changed.
fn render_result(gateway: &str, report: &ChangeReport, palette: Palette) -> io::Result<String> {
    let visible = visible_record(report)?;
    if visible.unchanged {
        return Ok(format!("{gateway}: nothing to change: {}\n", visible.unchanged_reason()));
    }
    // Only the id, which is the same on every gateway and which `undo` takes. The number of the
    // change is another on each.
    let mut ids = String::new();
    if let Some(id) = &visible.change {
        ids.push_str(&format!(", change {id}"));
    }
    if let Some(id) = &visible.undoes_change {
        ids.push_str(&format!(", undoes {id}"));
    }
    if visible.rules.is_empty() {
        return Ok(format!("{gateway}: no rule changed{ids}\n"));
    }
    let mut lines = String::new();
    for rule in &visible.rules {
        let hue = if rule.share > 0.0 { Hue::Bad } else { Hue::Good };
        let name = palette.paint(Hue::Bold, &rule.rule);
        let phase = format!("{} ({} refused)", rule.phase, format_percent(rule.share));
        let after = palette.paint(hue, phase);
        lines.push_str(&format!("{gateway}: {name}: {} → {after}{ids}\n", rule.phase_before));
    }
    Ok(lines)
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
        assert!(rule.refuses_more());
        assert_eq!(RuleChange::compared_moment([&rule]), "now");
        let rule = RuleChange { stopped: Some("2026-11-25T12:00:55.654622608Z".into()), ..rule };
        let told = "orders-v2: 10% of the callers were refused when it was stopped at \
                    2026-11-25 12:00Z, 43.12% would be now";
        assert_eq!(
            (describe_preview(&rule).as_str(), RuleChange::compared_moment([&rule])),
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
            unchanged: false,
            undoes: None,
            undoes_change: Some(hostile),
            kept: Some(true),
            warning: None,
            now: None,
            canary: None,
            rules,
        };
        let text = render_result("gw:9426", &report, Palette::colourless()).unwrap_or_default();
        assert_eq!(text.matches("x\\u{1b}[2J\\r\\nfake\\u{202e}").count(), 5, "{text}");
        assert!(text.trim_end().chars().all(upshift_config::is_visible), "{text}");
    }
}
