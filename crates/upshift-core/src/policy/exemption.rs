//! Who is excused, by the operator or always.

use std::fmt;

use jiff::Timestamp;

use super::client::has_product;
use super::matcher::Matcher;
use super::path::Reading;
use super::rule::Rule;
use crate::Facts;

/// Callers that are let through until a date.
#[derive(Clone, Debug)]
pub struct Exemption {
    /// Its name in logs and metrics.
    pub id: Box<str>,
    /// From which rules; from all if it is empty.
    pub rules: Vec<Box<str>>,
    /// Which requests.
    pub matcher: Matcher,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Until when.
    pub expires: Timestamp,
}

/// A request that is never refused, unless the policy removes the exemption or a rule names the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// A CORS preflight: the browser shows no answer to it, only a failure (Fetch §4.8).
    CorsPreflight,
    /// `/healthz`, `/livez`, `/readyz`.
    HealthPaths,
    /// `/.well-known/**` (RFC 8615).
    WellKnown,
    /// Health checkers, by `User-Agent`.
    HealthAgents,
    /// A rule's own `docs`, `successor` and `upgrade-url`: who is told to go there must get there.
    OwnLinks,
}

/// Who excused a request.
#[derive(Clone, Copy, Debug)]
pub enum ExemptedBy<'a> {
    /// The operator.
    Exemption(&'a Exemption),
    /// Upshift, always.
    Builtin(Builtin),
}

impl Builtin {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::CorsPreflight, Self::HealthPaths, Self::WellKnown, Self::HealthAgents, Self::OwnLinks];

    /// Its id.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CorsPreflight => "cors-preflight",
            Self::HealthPaths => "health-paths",
            Self::WellKnown => "well-known",
            Self::HealthAgents => "health-agents",
            Self::OwnLinks => "own-links",
        }
    }

    /// Reads an id.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|builtin| builtin.as_str() == text)
    }

    /// Whether the request, its path in this reading, is of this sort under the rule.
    pub(super) fn excuses(self, rule: &Rule, facts: &Facts<'_>, path: &Reading<'_>) -> bool {
        match self {
            Self::CorsPreflight => {
                facts.method == "OPTIONS"
                    && facts.fields.has("origin")
                    && facts.fields.has("access-control-request-method")
            }
            Self::HealthPaths => HEALTH_PATHS.contains(&path.text) && !names(rule, path),
            Self::WellKnown => is_below(path.text, "/.well-known") && !names_below(rule, "/.well-known"),
            Self::HealthAgents => {
                let agent = facts.fields.text("user-agent");
                agent.is_some_and(|agent| HEALTH_AGENTS.iter().any(|name| has_product(agent, name)))
            }
            Self::OwnLinks => rule.links_to(facts.host, path.text) && !names(rule, path),
        }
    }

    /// The fields that it reads, in lower case.
    pub(super) fn fields(self, facts: &Facts<'_>) -> &'static [&'static str] {
        match self {
            Self::CorsPreflight if facts.method == "OPTIONS" => &["origin", "access-control-request-method"],
            Self::HealthAgents => &["user-agent"],
            _ => &[],
        }
    }
}

const HEALTH_PATHS: [&str; 3] = ["/healthz", "/livez", "/readyz"];
const HEALTH_AGENTS: [&str; 3] = ["kube-probe", "ELB-HealthChecker", "GoogleHC"];

/// Whether the rule's `paths` name this very path: then it means it.
fn names(rule: &Rule, path: &Reading<'_>) -> bool {
    rule.matcher.paths.include.iter().any(|pattern| pattern.is_literal() && pattern.matches(path))
}

fn names_below(rule: &Rule, prefix: &str) -> bool {
    rule.matcher.paths.include.iter().any(|pattern| is_below(pattern.text(), prefix))
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl ExemptedBy<'_> {
    /// The id of the exemption.
    pub fn id(&self) -> &str {
        match self {
            Self::Exemption(exemption) => &exemption.id,
            Self::Builtin(builtin) => builtin.as_str(),
        }
    }
}

impl fmt::Display for ExemptedBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exemption(Exemption { id, reason, owner, expires, .. }) => {
                write!(f, "exemption {id} excuses it until {expires} ({reason}; {owner})")
            }
            Self::Builtin(builtin) => write!(f, "the built-in exemption {} excuses it", builtin.as_str()),
        }
    }
}
