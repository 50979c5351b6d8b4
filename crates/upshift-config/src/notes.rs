//! The notes of `check`: the consequences of defaults for a file. Unlike warnings, they ask for no
//! change.

use jiff::Timestamp;
use upshift_core::policy::{Builtin, Case, PathPattern, Rollout, Rule};
use upshift_core::proxy::UndeclaredProxy;

use crate::file_settings::FileSettings;

/// The notes on `file` at `now`, a sentence or two each.
pub(crate) fn notes_on(file: &FileSettings, now: Timestamp) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(note_on_builtins(file));
    notes.extend(note_on_undeclared_proxies(file));
    notes.extend(note_on_comparison(file));
    for rule in file.policy.rules() {
        notes.extend(note_on_past_brownouts(rule, now));
        notes.extend(note_on_ended_watch(rule, now));
        notes.extend(note_on_early_trip(rule, now));
    }
    notes
}

/// The rollout that a rule follows; none if its phase is pinned.
fn followed_rollout(rule: &Rule) -> Option<&Rollout> {
    if rule.phase.is_some() { None } else { rule.rollout.as_ref() }
}

/// Brownouts in the past. A rollout with a mistyped year may have nothing else.
fn note_on_past_brownouts(rule: &Rule, now: Timestamp) -> Option<String> {
    let brownouts = &followed_rollout(rule)?.plan().brownout;
    // The plan is in the order of time, so that this is the latest one that is over.
    let (from, to) = brownouts.iter().rfind(|(_, to)| *to <= now)?;
    let mut past = 0;
    for (_, end) in brownouts {
        past += usize::from(*end <= now);
    }
    Some(format!(
        "Rule {}: {past} of {} brownouts are in the past, the last from {from} to {to}. They are \
         not repeated.",
        rule.id,
        brownouts.len()
    ))
}

/// A rule that has enforced for so long that the breaker no longer watches it by the calendar.
fn note_on_ended_watch(rule: &Rule, now: Timestamp) -> Option<String> {
    // A rule that is pinned to `enforce`, or has no rollout, has no such end.
    let end = rule.watch_end()?;
    if end > now {
        return None;
    }
    Some(format!(
        "Rule {}: by its calendar the breaker watched it until {end}. After a start of the \
         gateway it watches the rule for seven days from the first refusal, and then no more. \
         Without `rollout`, an enforcing rule is always watched.",
        rule.id
    ))
}

/// A future brownout or ramp that refuses a greater share than the breaker allows.
fn note_on_early_trip(rule: &Rule, now: Timestamp) -> Option<String> {
    let breaker = rule.breaker?;
    for stage in followed_rollout(rule)?.stages() {
        let is_partial = stage.phase.refuses_in_part();
        // A stage that is over cannot trip the breaker any more.
        let is_over = stage.to.is_some_and(|end| end <= now);
        if !is_partial || is_over {
            continue;
        }
        // A linear ramp exceeds the share only at some moment within it.
        if let Some(at) = stage.exceeds(breaker.refused_share) {
            let allowed = (breaker.refused_share * 10_000.0).round() / 100.0;
            return Some(format!(
                "Rule {}: from {at} on, its {} refuses a greater share than the {allowed} % that \
                 the breaker allows. If that share of all callers does not meet the rule, the \
                 breaker trips and holds the rule, and its calendar, at warn until `upshift \
                 resume`. Raise refused-share, or measure with `upshift serve --observe` how many \
                 callers do not meet it.",
                rule.id, stage.phase
            ));
        }
    }
    None
}

fn note_on_builtins(file: &FileSettings) -> Option<String> {
    let builtins = file.policy.builtins();
    // Without rules nothing is refused, and the exemptions make no difference.
    if builtins.is_empty() || file.policy.rules().is_empty() {
        return None;
    }
    let mut described = Vec::new();
    for builtin in builtins {
        described.push(format!("{} ({})", builtin.as_str(), describe_builtin(*builtin)));
    }
    Some(format!("Never refused: {}. [never-refused] changes that.", described.join("; ")))
}

fn describe_builtin(builtin: Builtin) -> &'static str {
    match builtin {
        Builtin::CorsPreflight => {
            "OPTIONS with one Origin and one Access-Control-Request-Method, without content"
        }
        Builtin::HealthPaths => "/healthz, /livez, /readyz",
        Builtin::WellKnown => "/.well-known/**",
        Builtin::HealthAgents => {
            "GET and HEAD by kube-probe, ELB-HealthChecker and GoogleHC, from private addresses or \
             health-networks"
        }
        Builtin::OwnLinks => {
            "the docs, successor and upgrade-url of a rule, on hosts that are known to be served \
             here"
        }
    }
}

fn note_on_undeclared_proxies(file: &FileSettings) -> Option<String> {
    if !file.policy.rules().iter().any(is_hidden_by_proxies)
        || file.gateway.undeclared_proxy == UndeclaredProxy::Ignore
    {
        return None;
    }
    Some(
        "A peer with a private address that sends X-Forwarded-Proto is treated as an undeclared \
         proxy, and tls and http rules admit its requests. If clients have private addresses (a \
         NAT, Docker), set undeclared-proxy = \"ignore\"."
            .to_owned(),
    )
}

fn is_hidden_by_proxies(rule: &Rule) -> bool {
    rule.require.iter().any(|requirement| requirement.kind().is_hidden_by_proxies())
}

fn note_on_comparison(file: &FileSettings) -> Option<String> {
    let comparison = file.gateway.comparison;
    if comparison.case == Case::Ignore && comparison.ignore_trailing_slash {
        return None;
    }
    // One example is enough; a pattern with `**` at its end matches the trailing slash anyway.
    let pattern = file.policy.rules().iter().find_map(literal_path)?.text();
    Some(format!(
        "Paths are compared with case and trailing slash: a rule on {pattern} matches neither {} \
         nor {pattern}/, which Express, Koa and ASP.NET serve as {pattern}. In front of such an \
         upstream, set case = \"ignore\" and trailing-slash = \"ignore\".",
        pattern.to_ascii_uppercase()
    ))
}

/// A path that the rule names without a star and without a slash at its end.
fn literal_path(rule: &Rule) -> Option<&PathPattern> {
    let mut paths = rule.matcher.paths.include.iter();
    paths.find(|pattern| pattern.is_literal() && !pattern.text().ends_with('/'))
}
