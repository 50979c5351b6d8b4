//! What the defaults mean for a file: the notes of `check`. Unlike warnings, they ask for nothing.

use jiff::Timestamp;
use upshift_core::policy::{Builtin, Case, PathPattern, Requirement, RolloutStage, Rule};

use crate::FileSettings;
use crate::settings::UndeclaredProxy;

/// The notes on `file` at `now`, a sentence or two each.
pub(crate) fn of(file: &FileSettings, now: Timestamp) -> Vec<String> {
    let notes = [never_refused(file), undeclared_proxies(file), comparison(file)];
    let mut notes: Vec<String> = notes.into_iter().flatten().collect();
    for rule in file.policy.rules() {
        notes.extend(brownouts_over(rule, now));
        notes.extend(watched_late(rule, now));
        notes.extend(stopped_by_the_breaker(rule, now));
    }
    notes
}

/// Brownouts that are over: a file with a mistyped date has none.
fn brownouts_over(rule: &Rule, now: Timestamp) -> Option<String> {
    let plan = rule.rollout.as_ref().filter(|_| rule.phase.is_none())?.plan();
    let (from, to) = plan.brownout.iter().rfind(|(_, to)| *to <= now)?;
    let (id, over) = (&rule.id, plan.brownout.iter().filter(|(_, to)| *to <= now).count());
    let of = plan.brownout.len();
    Some(format!(
        "Rule {id}: {over} of {of} brownouts lie in the past, the last of them from {from} to {to}. They do not come again."
    ))
}

/// A rule whose enforcement is so long past that the calendar has ended the breaker's watch.
fn watched_late(rule: &Rule, now: Timestamp) -> Option<String> {
    let end = rule.watch_end().filter(|end| *end <= now)?;
    let id = &rule.id;
    Some(format!(
        "Rule {id}: by its calendar the breaker watched it until {end}. From the first refusal that a gateway sees after its \
         start it is watched for seven days, and then no more. Without `rollout`, a rule that enforces is always watched."
    ))
}

/// A brownout or a ramp to come that refuses a greater share than the breaker allows.
fn stopped_by_the_breaker(rule: &Rule, now: Timestamp) -> Option<String> {
    let (breaker, rollout) =
        (rule.breaker?, rule.rollout.as_ref().filter(|_| rule.phase.is_none())?);
    let gentle = |stage: &&RolloutStage| stage.phase.refuses_in_part();
    let to_come =
        rollout.stages().iter().filter(gentle).filter(|stage| stage.to.is_none_or(|to| to > now));
    let mut crossings =
        to_come.filter_map(|stage| Some((stage.phase, stage.exceeds(breaker.refused_share)?)));
    let (phase, at) = crossings.next()?;
    let (id, allowed) = (&rule.id, (breaker.refused_share * 10_000.0).round() / 100.0);
    Some(format!(
        "Rule {id}: from {at} on its {phase} refuses a greater share than the {allowed} % that the breaker allows. If as \
         many of all callers fall short, the breaker trips and holds the rule at warn, and the calendar with it, until \
         `upshift resume`. Raise refused-share, or see with `upshift serve --observe` how many fall short."
    ))
}

fn never_refused(file: &FileSettings) -> Option<String> {
    let builtins = file.policy.builtins();
    if builtins.is_empty() || file.policy.rules().is_empty() {
        return None;
    }
    let each =
        builtins.iter().map(|builtin| format!("{} ({})", builtin.as_str(), meaning(*builtin)));
    let each: Vec<_> = each.collect();
    Some(format!("Never refused: {}. [never-refused] changes that.", each.join("; ")))
}

fn meaning(builtin: Builtin) -> &'static str {
    match builtin {
        Builtin::CorsPreflight => {
            "OPTIONS with one Origin and one Access-Control-Request-Method, without content"
        }
        Builtin::HealthPaths => "/healthz, /livez, /readyz",
        Builtin::WellKnown => "/.well-known/**",
        Builtin::HealthAgents => {
            "GET and HEAD by kube-probe, ELB-HealthChecker and GoogleHC, from private addresses or health-networks"
        }
        Builtin::OwnLinks => {
            "the docs, successor and upgrade-url of a rule, on hosts that are known to be served here"
        }
    }
}

fn undeclared_proxies(file: &FileSettings) -> Option<String> {
    let by_transport = |requirement: &Requirement| {
        matches!(requirement, Requirement::Tls(_) | Requirement::Http(_))
    };
    let has_rule = file.policy.rules().iter().any(|rule| rule.require.iter().any(by_transport));
    let believes = file.gateway.undeclared_proxy == UndeclaredProxy::Unknown;
    (has_rule && believes).then(|| {
        "A peer with a private address that sends X-Forwarded-Proto is taken for a proxy that was not declared, and \
         tls and http rules admit what it sends. Where clients have private addresses (a NAT, Docker), set \
         undeclared-proxy = \"ignore\"."
            .to_owned()
    })
}

fn comparison(file: &FileSettings) -> Option<String> {
    let comparison = file.gateway.comparison;
    if comparison.case == Case::Ignore && comparison.ignore_trailing_slash {
        return None;
    }
    let pattern = file.policy.rules().iter().find_map(literal_path)?.text();
    Some(format!(
        "Case and a trailing slash count: a rule on {pattern} matches neither {} nor {pattern}/, which Express, Koa and \
         ASP.NET serve as {pattern}. In front of such an upstream, set case = \"ignore\" and trailing-slash = \"ignore\".",
        pattern.to_ascii_uppercase()
    ))
}

/// A path that the rule names without a star and without a slash at its end.
fn literal_path(rule: &Rule) -> Option<&PathPattern> {
    let mut paths = rule.matcher.paths.include.iter();
    paths.find(|pattern| pattern.is_literal() && !pattern.text().ends_with('/'))
}
