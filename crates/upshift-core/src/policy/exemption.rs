//! Exemptions: the requests that are admitted although a rule would refuse them.

use std::fmt;

use ipnet::IpNet;
use jiff::Timestamp;

use super::client::{has_any_product, may_name_product};
use super::host::HostPattern;
use super::matcher::Matcher;
use super::reading::PathReading;
use super::rule::Rule;
use crate::facts::Facts;
use crate::network::{is_private, network_contains};

/// Callers that are exempt until a date.
#[derive(Clone, Debug)]
pub struct Exemption {
    /// Its name in logs and metrics.
    pub id: Box<str>,
    /// The rules that it covers; all if the list is empty.
    pub rules: Vec<Box<str>>,
    /// The requests that it covers.
    pub matcher: Matcher,
    /// The reason for it.
    pub reason: String,
    /// The person or team that is responsible for it.
    pub owner: String,
    /// Its end.
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
    /// that is sent there must be able to get there.
    OwnLinks,
}

/// The exemption that covers a request.
#[derive(Clone, Copy, Debug)]
pub enum ExemptedBy<'p> {
    /// One that the operator wrote.
    Exemption(&'p Exemption),
    /// One that is built in.
    Builtin(Builtin),
}

/// The facts about the site that the built-in exemptions depend on.
#[derive(Clone, Debug, Default)]
pub struct Served {
    /// The hosts that are served here. `docs` and the like exempt no path of another host.
    pub hosts: Vec<HostPattern>,
    /// The networks that health checks come from; `None`: private, loopback and link-local
    /// addresses.
    pub health_networks: Option<Vec<IpNet>>,
}

/// A field that a built-in exemption reads.
#[derive(Debug)]
pub(crate) struct BuiltinField {
    /// In lower case.
    pub(crate) lower: &'static str,
    /// In the usual capitalisation.
    pub(crate) written: &'static str,
}

const HEALTH_PATHS: [&str; 3] = ["/healthz", "/livez", "/readyz"];
const HEALTH_AGENTS: [&str; 3] = ["kube-probe", "ELB-HealthChecker", "GoogleHC"];
const WELL_KNOWN: &[u8] = b".well-known";

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

const PREFLIGHT_FIELDS: [BuiltinField; 5] = [
    BuiltinField { lower: "origin", written: "Origin" },
    BuiltinField {
        lower: "access-control-request-method",
        written: "Access-Control-Request-Method",
    },
    BuiltinField { lower: "x-http-method-override", written: "X-Http-Method-Override" },
    BuiltinField { lower: "x-http-method", written: "X-Http-Method" },
    BuiltinField { lower: "x-method-override", written: "X-Method-Override" },
];

const USER_AGENT: [BuiltinField; 1] = [BuiltinField { lower: "user-agent", written: "User-Agent" }];

impl Exemption {
    /// Returns true if the exemption covers the rule.
    pub(crate) fn covers_rule(&self, id: &str) -> bool {
        self.rules.is_empty() || self.rules.iter().any(|rule| **rule == *id)
    }
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

    /// Returns true if it exempts the request, its path in this reading, from the rule.
    pub(crate) fn excuses(
        self,
        rule: &Rule,
        facts: &Facts<'_>,
        path: &PathReading<'_>,
        served: &Served,
    ) -> bool {
        match self {
            Self::CorsPreflight => is_preflight(facts),
            Self::HealthPaths => {
                HEALTH_PATHS.iter().any(|known| path.equals(known)) && !names_path(rule, path)
            }
            Self::WellKnown => is_well_known(path) && !names_well_known(rule),
            Self::HealthAgents => is_health_check(facts, served.health_networks.as_deref()),
            // A rule that names the very path is meant for it, and takes precedence.
            Self::OwnLinks => {
                rule.links_to(facts.host, path, &served.hosts) && !names_path(rule, path)
            }
        }
    }

    /// The fields that it may read.
    pub(crate) fn fields(self) -> &'static [BuiltinField] {
        match self {
            Self::CorsPreflight => &PREFLIGHT_FIELDS,
            Self::HealthAgents => &USER_AGENT,
            Self::HealthPaths | Self::WellKnown | Self::OwnLinks => &[],
        }
    }

    /// The fields that it reads of this request.
    pub(crate) fn fields_read(self, facts: &Facts<'_>) -> &'static [BuiltinField] {
        let is_read = match self {
            Self::CorsPreflight => facts.method == "OPTIONS",
            Self::HealthAgents => is_get(facts),
            Self::HealthPaths | Self::WellKnown | Self::OwnLinks => false,
        };
        if is_read { self.fields() } else { &[] }
    }
}

/// Fetch §4.8: a browser sends a preflight with these two fields, without content and without
/// fields of the page's own. An OPTIONS that could be served as anything else is not one.
fn is_preflight(facts: &Facts<'_>) -> bool {
    facts.method == "OPTIONS"
        && has_one(facts, "origin")
        && has_one(facts, "access-control-request-method")
        && !facts.has_content
        && !METHOD_OVERRIDES.iter().any(|field| facts.fields.has(field))
}

/// Returns true if the field has one line, and that one is not empty.
fn has_one(facts: &Facts<'_>, field: &str) -> bool {
    // A browser sends each of these fields once; programs disagree on which of two lines counts.
    let first = facts.fields.nth(field, 0).unwrap_or_default();
    !first.trim_ascii().is_empty() && facts.fields.nth(field, 1).is_none()
}

fn is_health_check(facts: &Facts<'_>, networks: Option<&[IpNet]>) -> bool {
    // Any client can write the `User-Agent` of a health checker, so the method and the network must
    // fit as well.
    // At an unknown address there could be anyone.
    let Some(address) = facts.client_ip else { return false };
    let comes_from_there = match networks {
        Some(networks) => networks.iter().any(|network| network_contains(network, address)),
        None => is_private(address),
    };
    if !comes_from_there || !is_get(facts) {
        return false;
    }
    let Some(agent) = facts.fields.nth("user-agent", 0) else { return false };
    may_name_product(agent, &HEALTH_AGENTS)
        && has_any_product(&String::from_utf8_lossy(agent.trim_ascii()), &HEALTH_AGENTS)
}

fn is_get(facts: &Facts<'_>) -> bool {
    matches!(facts.method, "GET" | "HEAD")
}

/// Returns true if the rule's `paths` name this path itself: then the rule is meant for it.
fn names_path(rule: &Rule, path: &PathReading<'_>) -> bool {
    let named = &rule.matcher.paths.include;
    named.iter().any(|pattern| pattern.is_literal() && pattern.matches(path))
}

fn names_well_known(rule: &Rule) -> bool {
    rule.matcher.paths.include.iter().any(|pattern| pattern.begins_with(WELL_KNOWN))
}

fn is_well_known(path: &PathReading<'_>) -> bool {
    // RFC 8615 §3: the prefix is the first segment of the path.
    matches!(path.segments.as_slice(), [first, ..] if **first == *WELL_KNOWN)
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
            Self::Builtin(builtin) => {
                write!(f, "the built-in exemption {} excuses it", builtin.as_str())
            }
        }
    }
}
