//! Who is excused, by the operator or always.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;

use super::client::has_product;
use super::matcher::{HostPattern, Matcher, within};
use super::reading::PathReading;
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

/// A request that is never refused, unless the policy removes the exemption or a rule names the
/// path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// A CORS preflight: the browser shows no answer to it, only a failure (Fetch §4.8). It is an
    /// OPTIONS with one `Origin`, one `Access-Control-Request-Method` and no content.
    CorsPreflight,
    /// `/healthz`, `/livez`, `/readyz`.
    HealthPaths,
    /// `/.well-known/**` (RFC 8615).
    WellKnown,
    /// Health checkers, by `User-Agent`: GET and HEAD from the networks that health checks come
    /// from.
    HealthAgents,
    /// A rule's own `docs`, `successor` and `upgrade-url`, where they are served here: a caller
    /// that is sent there must get there.
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
    pub const ALL: [Self; 5] = [
        Self::CorsPreflight,
        Self::HealthPaths,
        Self::WellKnown,
        Self::HealthAgents,
        Self::OwnLinks,
    ];

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

    /// Tells whether the request, its path in this reading, is of this sort under the rule.
    pub(super) fn excuses(
        self,
        rule: &Rule,
        facts: &Facts<'_>,
        path: &PathReading<'_>,
        served: &Served,
    ) -> bool {
        match self {
            Self::CorsPreflight => is_preflight(facts),
            Self::HealthPaths => {
                HEALTH_PATHS.iter().any(|known| path.is(known)) && !names(rule, path)
            }
            Self::WellKnown => is_well_known(path) && !names_well_known(rule),
            Self::HealthAgents => is_health_check(facts, &served.health_networks),
            Self::OwnLinks => rule.links_to(facts.host, path, &served.hosts) && !names(rule, path),
        }
    }

    /// The fields that it may read, in lower case.
    pub(super) fn all_fields(self) -> &'static [&'static str] {
        match self {
            Self::CorsPreflight => &[
                "origin",
                "access-control-request-method",
                "x-http-method-override",
                "x-http-method",
                "x-method-override",
            ],
            Self::HealthAgents => &["user-agent"],
            Self::HealthPaths | Self::WellKnown | Self::OwnLinks => &[],
        }
    }

    /// The fields that it reads of this request, in lower case.
    pub(super) fn fields(self, facts: &Facts<'_>) -> &'static [&'static str] {
        let reads = match self {
            Self::CorsPreflight => facts.method == "OPTIONS",
            Self::HealthAgents => is_get(facts),
            _ => false,
        };
        if reads { self.all_fields() } else { &[] }
    }
}

/// What the built-in exemptions know of the site.
#[derive(Clone, Debug, Default)]
pub struct Served {
    /// The hosts that are served here; of others, `docs` and the like excuse no path.
    pub hosts: Vec<HostPattern>,
    /// Where health checks come from; `None`: private, loopback and link-local addresses.
    pub health_networks: Option<Vec<IpNet>>,
}

const HEALTH_PATHS: [&str; 3] = ["/healthz", "/livez", "/readyz"];
const HEALTH_AGENTS: [&str; 3] = ["kube-probe", "ELB-HealthChecker", "GoogleHC"];

/// Fields by which an OPTIONS asks to be served as another method, in the spellings that CGI
/// programs take for one.
const METHOD_OVERRIDES: [&str; 6] = [
    "x-http-method-override",
    "x_http_method_override",
    "x-http-method",
    "x_http_method",
    "x-method-override",
    "x_method_override",
];

/// Fetch §4.8: a browser sends a preflight with these two fields, without content and without
/// fields of the page's own. An OPTIONS that could be served as anything else is none.
fn is_preflight(facts: &Facts<'_>) -> bool {
    let has_one = |field| {
        let first = facts.fields.nth(field, 0).unwrap_or_default().trim_ascii();
        !first.is_empty() && facts.fields.nth(field, 1).is_none()
    };
    facts.method == "OPTIONS"
        && has_one("origin")
        && has_one("access-control-request-method")
        && !facts.has_content
        && !METHOD_OVERRIDES.iter().any(|field| facts.fields.has(field))
}

/// Any client can write the `User-Agent` of a health checker, so the method and the network have to
/// fit as well.
fn is_health_check(facts: &Facts<'_>, networks: &Option<Vec<IpNet>>) -> bool {
    let Some(peer) = facts.client_ip else { return false };
    let from_there = match networks {
        Some(networks) => networks.iter().any(|net| within(net, peer)),
        None => is_private(peer),
    };
    let agent = facts.fields.text_lossy("user-agent").unwrap_or_default();
    is_get(facts) && from_there && HEALTH_AGENTS.iter().any(|name| has_product(&agent, name))
}

fn is_get(facts: &Facts<'_>) -> bool {
    matches!(facts.method, "GET" | "HEAD")
}

/// Tells whether an address is private, loopback or link-local.
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Tells whether the rule's `paths` name this very path: then it means it.
fn names(rule: &Rule, path: &PathReading<'_>) -> bool {
    rule.matcher.paths.include.iter().any(|pattern| pattern.is_literal() && pattern.matches(path))
}

fn names_well_known(rule: &Rule) -> bool {
    rule.matcher.paths.include.iter().any(|pattern| pattern.begins_with(WELL_KNOWN))
}

fn is_well_known(path: &PathReading<'_>) -> bool {
    path.segments.first().is_some_and(|first| **first == *WELL_KNOWN)
}

const WELL_KNOWN: &[u8] = b".well-known";

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
            Self::Builtin(builtin) => {
                write!(f, "the built-in exemption {} excuses it", builtin.as_str())
            }
        }
    }
}
