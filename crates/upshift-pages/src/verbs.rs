//! The forms of the verbs: pause, resume, set, undo. Each leads to a page that shows its dry run.

use maud::{Markup, html};
use upshift_core::policy::SettablePhase;
use upshift_record::control::{RevisionReport, RuleStatus};

use crate::view::Scope;
use crate::viewer::{PageViewer, key_field};

/// The forms that act on one rule.
pub fn rule_verbs(rule: &RuleStatus, viewer: PageViewer<'_>, scope: Scope) -> Markup {
    let content = match viewer.key() {
        Some(key) => rule_forms(rule, key),
        None => read_only_note(),
    };
    let heading = match scope {
        Scope::Gateway => "Change this rule",
        Scope::Fleet => "Change this rule on this gateway",
    };
    section(heading, &content)
}

/// The forms that act on all rules. `can_undo`: there is a change that can be undone.
pub fn fleet_verbs(viewer: PageViewer<'_>, scope: Scope, can_undo: bool) -> Markup {
    let content = match viewer.key() {
        Some(key) => fleet_forms(key, can_undo),
        None => read_only_note(),
    };
    section(&scope.own_heading("Change all rules"), &content)
}

fn section(heading: &str, content: &Markup) -> Markup {
    html! {
        section aria-labelledby="verbs" {
            h2 #verbs { (heading) }
            (content)
            p { a href="/changes" { "History of changes" } }
        }
    }
}

fn rule_forms(rule: &RuleStatus, key: &str) -> Markup {
    let target = html! { input type="hidden" name="rule" value=(rule.rule); };
    let is_held = rule.set_by.is_some() || rule.phase != rule.planned_phase;
    html! {
        p.hint { "Each of them first shows what it would do." }
        div.verbs {
            (set_form(key, rule))
            @if rule.phase != "paused" {
                (simple_form(key, "pause", &target, "Pause", "No caller is refused; warnings go on."))
            }
            @if is_held {
                (simple_form(key, "resume", &target, "Resume", "The rule follows the policy file again."))
            }
        }
    }
}

fn fleet_forms(key: &str, can_undo: bool) -> Markup {
    let target = html! { input type="hidden" name="all" value="true"; };
    html! {
        p.hint { "Each of them first shows what it would do." }
        div.verbs {
            (simple_form(key, "pause", &target, "Pause all rules", "No caller is refused; warnings go on."))
            (simple_form(key, "resume", &target, "Resume all rules", "All rules follow the policy file again."))
            @if can_undo {
                (simple_form(key, "undo", &html! {}, "Undo the latest change",
                    "The latest change that a person made here."))
            }
        }
    }
}

/// A button that undoes a change, if that is possible.
pub(crate) fn undo_form(change: &RevisionReport, viewer: PageViewer<'_>) -> Markup {
    let Some(key) = viewer.key() else { return html! {} };
    if !change.can_undo {
        return html! {};
    }
    html! {
        form method="post" action="/changes/preview" {
            (key_field(key))
            input type="hidden" name="verb" value="undo";
            input type="hidden" name="undo" value=(change.change);
            button type="submit" {
                "Undo" span.visually-hidden { " change " (change.change) }
            }
        }
    }
}

/// The note in place of the forms.
fn read_only_note() -> Markup {
    html! {
        p.hint {
            "Read only: set " code { "gateway.admin-token" } " and log in to act from here. "
            "On this machine, " code { "upshift pause" } " and the other verbs work without it."
        }
    }
}

fn simple_form(key: &str, verb: &str, target: &Markup, button: &str, effect: &str) -> Markup {
    let reason = format!("{verb}-reason");
    html! {
        form.card.stacked method="post" action="/changes/preview" aria-label=(button) {
            (key_field(key))
            input type="hidden" name="verb" value=(verb);
            (target)
            p { (effect) }
            (reason_field(&reason))
            button type="submit" { (button) "…" }
        }
    }
}

fn set_form(key: &str, rule: &RuleStatus) -> Markup {
    html! {
        form.card.stacked method="post" action="/changes/preview" aria-label="Set a phase" {
            (key_field(key))
            input type="hidden" name="verb" value="set";
            input type="hidden" name="rule" value=(rule.rule);
            label for="set-phase" { "Phase" }
            select #set-phase name="phase" {
                @for phase in SettablePhase::ALL.map(SettablePhase::as_str) {
                    option value=(phase) selected[phase == rule.phase] { (phase) }
                }
            }
            label for="set-for" { "For " span.hint { "optional" } }
            input #set-for name="for" placeholder="2h" pattern="[0-9]+ *[a-z]+" aria-describedby="set-end";
            label for="set-until" { "Or until " span.hint { "UTC, optional" } }
            input #set-until name="until" type="datetime-local" aria-describedby="set-end";
            p.hint #set-end {
                "Afterwards, the rule follows the policy file again. With neither, it is held until "
                "it is resumed."
            }
            (reason_field("set-reason"))
            button type="submit" { "Set the phase…" }
        }
    }
}

fn reason_field(id: &str) -> Markup {
    html! {
        label for=(id) { "Reason " span.hint { "optional" } }
        input id=(id) name="reason" maxlength="300";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(phase: &str, set_by: Option<&str>) -> RuleStatus {
        RuleStatus {
            rule: "a\"><b>".into(),
            phase: phase.into(),
            share: 0.0,
            until: None,
            planned_phase: "enforce".into(),
            set_by: set_by.map(str::to_owned),
            reason: None,
            breaker: None,
            target_seen: 0,
            without_identity: 0,
        }
    }

    #[test]
    fn a_reader_has_no_form() {
        for section in [
            fleet_verbs(PageViewer::Reader, Scope::Fleet, true),
            rule_verbs(&rule("warn", None), PageViewer::Reader, Scope::Gateway),
        ] {
            let section = section.into_string();
            assert!(!section.contains("<form") && section.contains("Read only"), "{section}");
        }
    }

    /// A click on the button of a change that cannot be undone is a 409.
    #[test]
    fn only_a_change_that_can_be_undone_has_a_button() {
        let viewer = PageViewer::Operator { key: "secret", user: "" };
        let change = |can_undo| RevisionReport {
            revision: 3,
            change: "8a82fc763b".into(),
            at: "2026-11-30T12:00:00Z".into(),
            actor: "ada".into(),
            reason: String::new(),
            action: "pause".into(),
            rule: None,
            phase: None,
            until: None,
            undoes: None,
            can_undo,
        };
        assert!(undo_form(&change(true), viewer).into_string().contains("value=\"8a82fc763b\""));
        assert_eq!(undo_form(&change(false), viewer).into_string(), "");
        assert_eq!(undo_form(&change(true), PageViewer::Reader).into_string(), "");
        for (can_undo, forms) in [(true, 3), (false, 2)] {
            let page = fleet_verbs(viewer, Scope::Gateway, can_undo).into_string();
            assert_eq!(page.matches("<form").count(), forms, "{page}");
        }
    }

    #[test]
    fn the_forms_are_those_that_change_something() {
        let viewer = PageViewer::Operator { key: "secret", user: "" };
        let enforced = rule_verbs(&rule("enforce", None), viewer, Scope::Gateway).into_string();
        assert!(enforced.contains("Pause…") && !enforced.contains("Resume…"), "{enforced}");
        let paused = rule_verbs(&rule("paused", Some("ada")), viewer, Scope::Gateway).into_string();
        assert!(!paused.contains("Pause…") && paused.contains("Resume…"), "{paused}");
        let forms = paused.matches("<form").count();
        assert_eq!(paused.matches("name=\"key\" value=\"secret\"").count(), forms, "{paused}");
        assert!(!paused.contains("\"><b>"), "{paused}");
    }
}
