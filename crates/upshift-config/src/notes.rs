//! What the defaults mean for a file: the notes of `check`. Unlike warnings, they ask for nothing.

use upshift_core::policy::{Builtin, Case, PathPattern, Requirement, Rule};

use crate::File;
use crate::settings::UndeclaredProxy;

/// The notes on `file`, a sentence or two each.
pub(crate) fn of(file: &File) -> Vec<String> {
    let notes = [never_refused(file), undeclared_proxies(file), comparison(file)];
    notes.into_iter().flatten().collect()
}

fn never_refused(file: &File) -> Option<String> {
    let builtins = file.policy.builtins();
    if builtins.is_empty() || file.policy.rules().is_empty() {
        return None;
    }
    let each = builtins.iter().map(|builtin| format!("{} ({})", builtin.as_str(), meaning(*builtin)));
    let each: Vec<_> = each.collect();
    Some(format!("Never refused: {}. [never-refused] changes that.", each.join("; ")))
}

fn meaning(builtin: Builtin) -> &'static str {
    match builtin {
        Builtin::CorsPreflight => "OPTIONS with one Origin and one Access-Control-Request-Method, without content",
        Builtin::HealthPaths => "/healthz, /livez, /readyz",
        Builtin::WellKnown => "/.well-known/**",
        Builtin::HealthAgents => {
            "GET and HEAD by kube-probe, ELB-HealthChecker and GoogleHC, from private addresses or health-networks"
        }
        Builtin::OwnLinks => "the docs, successor and upgrade-url of a rule, on hosts that are known to be served here",
    }
}

fn undeclared_proxies(file: &File) -> Option<String> {
    let by_transport = |requirement: &Requirement| matches!(requirement, Requirement::Tls(_) | Requirement::Http(_));
    let has_rule = file.policy.rules().iter().any(|rule| rule.require.iter().any(by_transport));
    let believes = file.gateway.undeclared_proxy == UndeclaredProxy::Unknown;
    (has_rule && believes).then(|| {
        "A peer with a private address that sends X-Forwarded-Proto is taken for a proxy that was not declared, and \
         tls and http rules admit what it sends. Where clients have private addresses (a NAT, Docker), set \
         undeclared-proxy = \"ignore\"."
            .to_owned()
    })
}

fn comparison(file: &File) -> Option<String> {
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
