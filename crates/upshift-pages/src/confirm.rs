//! The page that shows what a change would do, and asks to confirm it.

use maud::{Markup, html};
use upshift_record::canary::CanaryReport;
use upshift_record::control::{ChangeReport, ChangeRequest, RuleChange};
use upshift_record::number_text::{counted, format_percent};

use crate::layout::{Delivery, Page};
use crate::link::rule_path;
use crate::notice::notice_box;
use crate::phase::phase_badge;
use crate::table::{Column, Table, number_cell, text_cell};
use crate::time_text::time_element;
use crate::viewer::{PageViewer, key_field};

/// The rules that the table shows.
const SHOWN_RULES: usize = 200;

/// The page that asks to confirm a change.
pub struct ConfirmPage<'a> {
    /// The reader.
    pub viewer: PageViewer<'a>,
    /// The change.
    pub request: &'a ChangeRequest,
    /// Its dry run.
    pub report: &'a ChangeReport,
    /// The id that the change will have.
    pub change: &'a str,
    /// The digest of its effect.
    pub effect: &'a str,
    /// The reason for which it was not made, although it was confirmed before.
    pub notice: Option<&'a str>,
}

impl ConfirmPage<'_> {
    /// Renders the page.
    pub fn render_html(&self) -> String {
        let heading = self.heading();
        let main = html! {
            h1 #dry-run tabindex="-1" autofocus { (heading) }
            @if let Some(notice) = self.notice {
                div.notice role="alert" { p { (notice) } }
            }
            @if self.report.unchanged {
                p.lead { "There is nothing to change: " (self.report.unchanged_reason()) "." }
                p.buttons { a.button href=(self.back_path()) { "Back" } }
            } @else {
                p.lead { "Nothing has changed yet. This is what it would do." }
                (self.render_end())
                (rule_table(&self.report.rules))
                (canary_section(self.report.canary.as_ref()))
                (self.render_form())
            }
        };
        let (head, header) = (html! {}, self.viewer.header());
        let delivery = Delivery::Served { head: &head, header: &header };
        Page { title: &heading, delivery, main, footer: html! {} }.render_html()
    }

    /// The change as a question: `Set orders-v2 to enforce?`.
    fn heading(&self) -> String {
        let target = match &self.request.rule {
            Some(rule) => rule.as_str(),
            None => "all rules",
        };
        match self.report.action.as_str() {
            "pause" => format!("Pause {target}?"),
            "resume" => format!("Resume {target}?"),
            "undo" => {
                let undone = self.report.undoes_change.as_deref().unwrap_or_default();
                format!("Undo change {undone}?")
            }
            _ => {
                let phase = self.request.phase.as_deref().unwrap_or_default();
                format!("Set {target} to {phase}?")
            }
        }
    }

    fn render_end(&self) -> Markup {
        let Some(until) = &self.request.until else { return html! {} };
        html! { p { "Until " (time_element(until)) ". Then the rule follows the policy file again." } }
    }

    fn refuses_more(&self) -> bool {
        self.report.rules.iter().any(RuleChange::refuses_more)
    }

    /// The page that leads here.
    fn back_path(&self) -> String {
        match &self.request.rule {
            Some(rule) => rule_path(rule),
            None => "/".to_owned(),
        }
    }

    fn render_form(&self) -> Markup {
        let request = self.request;
        html! {
            form.card.stacked method="post" action="/changes" aria-label="Confirm" {
                @if let Some(key) = self.viewer.key() { (key_field(key)) }
                (hidden("verb", Some(&self.report.action)))
                (hidden("rule", request.rule.as_deref()))
                @if request.all { (hidden("all", Some("true"))) }
                (hidden("phase", request.phase.as_deref()))
                (hidden("until", request.until.as_deref()))
                (hidden("undo", request.undo.as_deref()))
                (hidden("change", Some(self.change)))
                (hidden("effect", Some(self.effect)))
                (hidden("after", Some(&self.report.latest.to_string())))
                label for="reason" { "Reason " span.hint { "kept in the history" } }
                input #reason name="reason" maxlength="300" value=(request.reason);
                p.hint { "By " (request.actor) }
                @if self.refuses_more() { (self.render_consent()) }
                p.buttons {
                    button.primary type="submit" { (self.button()) }
                    a.button href=(self.back_path()) { "Cancel" }
                }
            }
        }
    }

    fn render_consent(&self) -> Markup {
        let moment = RuleChange::compared_moment(&self.report.rules);
        html! {
            p.consent {
                input #confirm type="checkbox" name="confirm" value="true" required;
                label for="confirm" { "More callers will be refused than " (moment) "." }
            }
        }
    }

    fn button(&self) -> &'static str {
        match self.report.action.as_str() {
            "pause" => "Pause now",
            "resume" => "Resume now",
            "undo" => "Undo now",
            _ => "Set now",
        }
    }
}

fn hidden(name: &str, value: Option<&str>) -> Markup {
    html! {
        @if let Some(value) = value { input type="hidden" name=(name) value=(value); }
    }
}

fn rule_table(changes: &[RuleChange]) -> Markup {
    if changes.is_empty() {
        return html! { p { "No rule would change." } };
    }
    let mut rows = Vec::new();
    for change in changes.iter().take(SHOWN_RULES) {
        rows.push(vec![
            html! { a href=(rule_path(&change.rule)) { (change.rule) } },
            phase_badge(&change.phase_before),
            phase_badge(&change.phase),
            text_cell(&format_percent(change.share_before)),
            text_cell(&format_percent(change.share)),
        ]);
    }
    let table = Table {
        caption: "Effect on rules",
        hides_caption: true,
        columns: &[
            Column::text("Rule"),
            Column::text("Now"),
            Column::text("Then"),
            Column::number("Refused before"),
            Column::number("Refused then"),
        ],
        rows,
    };
    let left = changes.len().saturating_sub(SHOWN_RULES) as u64;
    html! {
        section aria-labelledby="rules" {
            h2 #rules { "Effect on rules" }
            (table.render())
            @if left > 0 { p.hint { "And " (counted(left, "more rule")) "." } }
        }
    }
}

fn canary_section(canary: Option<&CanaryReport>) -> Markup {
    let Some(canary) = canary else { return html! {} };
    let mut rows = Vec::new();
    for rule in &canary.rules {
        rows.push(vec![text_cell(&rule.rule), number_cell(rule.newly_refused)]);
    }
    let has_rules = !rows.is_empty();
    let table = Table {
        caption: "Rules that would refuse callers who are admitted now",
        hides_caption: false,
        columns: &[Column::text("Rule"), Column::number("Callers")],
        rows,
    };
    html! {
        section aria-labelledby="callers" {
            h2 #callers { "Effect on callers" }
            @if canary.newly_refused > 0 {
                (notice_box(&html! { p { (sentence(canary)) } }))
            } @else {
                p { (sentence(canary)) }
            }
            @if has_rules { (table.render()) }
        }
    }
}

/// The sentence of the canary, as it stands alone.
fn sentence(canary: &CanaryReport) -> String {
    let text = canary.to_string();
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), characters.as_str()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(share: f64) -> RuleChange {
        RuleChange {
            rule: "a<b>/c".into(),
            phase_before: "warn".into(),
            share_before: 0.0,
            phase: "enforce".into(),
            share,
            stopped: None,
        }
    }

    fn page(rules: Vec<RuleChange>, canary: Option<CanaryReport>, notice: Option<&str>) -> String {
        page_of(ChangeReport { canary, ..report(rules) }, notice)
    }

    fn report(rules: Vec<RuleChange>) -> ChangeReport {
        ChangeReport {
            revision: None,
            action: "set".into(),
            change: None,
            latest: 7,
            unchanged: false,
            undoes: None,
            undoes_change: None,
            kept: None,
            warning: None,
            now: None,
            canary: None,
            rules,
        }
    }

    fn page_of(report: ChangeReport, notice: Option<&str>) -> String {
        let request = ChangeRequest {
            rule: Some("a<b>/c".into()),
            phase: Some("enforce".into()),
            actor: "dashboard".into(),
            reason: "\"quoted\"".into(),
            ..ChangeRequest::default()
        };
        let viewer = PageViewer::Operator { key: "secret", user: "" };
        let page = ConfirmPage {
            viewer,
            request: &request,
            report: &report,
            change: "5f0c",
            effect: "abc",
            notice,
        };
        page.render_html()
    }

    #[test]
    fn the_form_contains_the_change_that_was_shown() {
        let shown = page(vec![change(1.0)], None, None);
        for (name, value) in [
            ("key", "secret"),
            ("verb", "set"),
            ("rule", "a&lt;b&gt;/c"),
            ("phase", "enforce"),
            ("change", "5f0c"),
            ("effect", "abc"),
            ("after", "7"),
        ] {
            let field = format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">");
            assert!(shown.contains(&field), "{field}: {shown}");
        }
        assert!(
            shown.contains("value=\"&quot;quoted&quot;\"") && !shown.contains("a<b>"),
            "{shown}"
        );
        assert!(shown.contains("Set a&lt;b&gt;/c to enforce?"), "{shown}");
    }

    #[test]
    fn a_rise_has_to_be_confirmed_and_nothing_else() {
        assert!(page(vec![change(1.0)], None, None).contains("type=\"checkbox\""));
        assert!(!page(vec![change(0.0)], None, None).contains("type=\"checkbox\""));
    }

    /// A rule that follows the file was resumed all the same, and made a revision.
    #[test]
    fn a_change_of_nothing_cannot_be_confirmed() {
        let nothing = ChangeReport { unchanged: true, ..report(vec![change(0.0)]) };
        let shown = page_of(ChangeReport { action: "resume".into(), ..nothing }, None);
        let text = "There is nothing to change: a&lt;b&gt;/c already follows the policy file.";
        assert!(shown.contains(text) && !shown.contains("action=\"/changes\""), "{shown}");
    }

    #[test]
    fn callers_that_would_be_refused_are_shown() {
        let canary = CanaryReport {
            seconds: 600,
            callers: 9_310,
            newly_refused: 1_204,
            ..CanaryReport::default()
        };
        let shown = page(vec![change(1.0)], Some(canary), Some("Nothing was changed."));
        assert!(shown.contains("of 9,310 callers in the last 10 minutes"), "{shown}");
        assert!(shown.contains("role=\"alert\"><p>Nothing was changed."), "{shown}");
    }

    #[test]
    fn a_change_of_many_rules_has_a_bounded_page() {
        let shown = page(vec![change(1.0); 5_000], None, None);
        assert!(shown.contains("And 4,800 more rules."), "{}", shown.len());
        assert!(shown.len() < 500_000, "{}", shown.len());
    }
}
