//! The calendar of a rule, and the effect of each coming step.

use maud::{Markup, html};
use upshift_record::PlanEntry;
use upshift_record::adoption::{RequestCounts, RuleAdoption};
use upshift_record::canary::{CallerBehind, CanaryReport};
use upshift_record::number_text::{counted, format_percent, grouped, share_text};

use super::place::Place;
use crate::phase::phase_badge;
use crate::table::{Column, Table, foreign_cell, text_cell};
use crate::time_text::{seconds_of, time_element, timed_sentence};
use crate::urgency::refuses;
use crate::view::{RuleView, Scope};

const COLUMNS: [Column<'static>; 5] = [
    Column::text("Phase"),
    Column::text("From"),
    Column::text("To"),
    Column::text("Callers behind that are refused"),
    Column::text("Notes"),
];

/// The caption of [`calendar`].
const CALENDAR_CAPTION: &str = "The phases of the rule, in the order of time";

/// The caption of [`behind_table`].
const BEHIND_CAPTION: &str = "Callers of the last minutes that enforcing would refuse";

const BEHIND_COLUMNS: [Column<'static>; 5] = [
    Column::text("Caller"),
    Column::text("Version"),
    Column::text("Client"),
    Column::text("Path"),
    Column::text("Network"),
];

/// The calendar, and what enforcing the rule now would do.
pub(super) fn render(rule: &RuleView<'_>, place: &Place<'_>) -> Markup {
    let content = html! {
        @if let Some(sentence) = enforce_sentence(rule) { p { (sentence) } }
        @if let Some(trial) = rule.trial {
            p { (canary_sentence(&trial.report, rule)) }
            @if !trial.behind.is_empty() {
                (behind_table(&trial.behind, &place.caption(BEHIND_CAPTION))
                    .render_folded("caller"))
            }
        }
        @if rule.plan.is_empty() {
            p.empty { "There is no plan for this rule." }
        } @else {
            (calendar(rule, place, &place.caption(CALENDAR_CAPTION)).render_folded("phase"))
        }
    };
    place.section("next", "Calendar and next steps", &content)
}

/// The share of the period that `enforce` would refuse.
fn enforce_sentence(rule: &RuleView<'_>) -> Option<String> {
    let recorded = rule.recorded()?;
    let RuleAdoption { total, behind, .. } = recorded;
    let exempt = exempt_behind(recorded);
    let refused = behind.requests.saturating_sub(exempt.requests);
    let mut text = if refused == 0 {
        "Enforcing would have refused no request of this period.".to_owned()
    } else {
        let callers = refused_callers(recorded, exempt);
        let requests = counted(refused, "request");
        let share = share_text(refused, total.requests);
        format!(
            "Enforcing during this whole period would have refused {}{requests} ({share}).",
            callers_text(callers, total)
        )
    };
    if exempt.requests > 0 {
        let requests = counted(exempt.requests, "request");
        text.push_str(&format!(" Behind, but exempt: {requests}"));
        if let Some(callers) = exempt.callers {
            text.push_str(&format!(" of {}", counted(callers, "caller")));
        }
        text.push('.');
    }
    Some(text)
}

/// Those behind that an exemption admitted.
fn exempt_behind(recorded: &RuleAdoption) -> RequestCounts {
    let exempt = recorded.verdicts.iter().find(|verdict| verdict.label == "exempt");
    exempt.map(|exempt| exempt.behind).unwrap_or_default()
}

/// The callers that enforcing would have refused: at least and at most so many. A caller may have
/// requests that are exempt and others that are not, and callers are counted by verdict.
fn refused_callers(recorded: &RuleAdoption, exempt: RequestCounts) -> Option<(u64, u64)> {
    let behind = recorded.behind.callers?;
    if exempt.requests == 0 {
        return Some((behind, behind));
    }
    let (mut largest, mut sum) = (0, 0);
    for verdict in recorded.verdicts.iter().filter(|verdict| verdict.label != "exempt") {
        let callers = verdict.behind.callers?;
        largest = largest.max(callers);
        sum += callers;
    }
    let most = behind.min(sum);
    let rest = behind.saturating_sub(exempt.callers?);
    Some((largest.max(rest).min(most), most))
}

fn callers_text(callers: Option<(u64, u64)>, total: &RequestCounts) -> String {
    let Some((least, most)) = callers else { return String::new() };
    let (text, share) = (counted(most, "caller"), share_text(most, total.callers));
    let limit = if least < most { "at most " } else { "" };
    format!("{limit}{text} ({share}) and ")
}

/// The effect of enforcing the rule on the callers of the last minutes.
fn canary_sentence(canary: &CanaryReport, rule: &RuleView<'_>) -> String {
    // The requests of other gateways are not tried here.
    let place = match rule.scope {
        Scope::Gateway => "",
        Scope::Fleet => " on this gateway",
    };
    if canary.off || canary.callers == 0 {
        return format!("If it were enforced now{place}: {canary}.");
    }
    let of_rule = canary.rules.iter().find(|counts| counts.rule == rule.id);
    let refused = of_rule.map_or(0, |counts| counts.newly_refused);
    let minutes = (canary.seconds / 60).unsigned_abs();
    let mut text = format!(
        "If it were enforced now{place}: {} of {} callers in the last {} would be newly refused ({}).",
        grouped(refused),
        grouped(canary.callers),
        if minutes > 1 { counted(minutes, "minute") } else { "minute".to_owned() },
        share_text(refused, canary.callers)
    );
    if canary.missed > 0 {
        text.push_str(&format!(" {} were not tried.", counted(canary.missed, "more request")));
    }
    text
}

fn behind_table<'a>(callers: &[CallerBehind], caption: &'a str) -> Table<'a> {
    let mut rows = Vec::new();
    for caller in callers {
        rows.push(vec![
            html! { code { (caller.caller) } },
            foreign_cell(&caller.version),
            foreign_cell(&caller.client),
            html! { code { bdi { (caller.path) } } },
            html! { code { (caller.network) } },
        ]);
    }
    Table { caption, hides_caption: false, columns: &BEHIND_COLUMNS, rows }
}

fn calendar<'a>(rule: &RuleView<'_>, place: &Place<'_>, caption: &'a str) -> Table<'a> {
    let mut rows = Vec::new();
    for entry in &rule.plan {
        rows.push(vec![
            html! {
                (phase_badge(&entry.phase))
                @if is_current(entry, place.now) { strong.now { " now" } }
            },
            boundary(entry.from.as_deref()),
            boundary(entry.to.as_deref()),
            text_cell(&refused_text(entry)),
            notes(entry),
        ]);
    }
    Table { caption, hides_caption: true, columns: &COLUMNS, rows }
}

fn is_current(entry: &PlanEntry, now: &str) -> bool {
    let now = seconds_of(now);
    let begun = entry.from.as_deref().is_none_or(|from| seconds_of(from) <= now);
    let over = entry.to.as_deref().is_some_and(|to| seconds_of(to) <= now);
    begun && !over && !entry.held
}

fn boundary(time: Option<&str>) -> Markup {
    match time {
        Some(time) => time_element(time),
        None => html! { "–" },
    }
}

fn refused_text(entry: &PlanEntry) -> String {
    if !refuses(entry) {
        return "none".to_owned();
    }
    match entry.share_at_end {
        Some(end) => format!("{} to {}", format_percent(entry.share), format_percent(end)),
        None => format_percent(entry.share),
    }
}

fn notes(entry: &PlanEntry) -> Markup {
    html! {
        div.prose {
            @if let Some(by) = &entry.set_by {
                p {
                    "set by " (by)
                    @if let Some(reason) = entry.reason.as_deref().filter(|reason| !reason.is_empty()) {
                        ": " (reason)
                    }
                }
            }
            @if entry.held { p { "held back by the override" } }
            @for note in &entry.notes { p { (timed_sentence(note)) } }
        }
    }
}
