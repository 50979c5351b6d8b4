//! What a reload changes, and what it cannot change.

use std::fmt::{Debug, Display, Formatter};

use upshift_config::Upstream;
use upshift_core::Policy;
use upshift_core::policy::RuleSpec;

use crate::gateway::StartError;
use crate::settings::Settings;

/// Why a reload changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// A gateway would not start with these settings.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Every rule would be lost, as by reading a file while it is written.
    #[error("the file has no rules, and {0} in force: to serve without rules, restart")]
    NoRules(Count),
    /// Every upstream would be lost.
    #[error("the file has no upstream: to stop serving, stop the gateway")]
    NoUpstreams,
}

/// A number of rules, with its verb.
#[derive(Clone, Copy, Debug)]
pub struct Count(pub usize);

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            1 => f.write_str("1 is"),
            count => write!(f, "{count} are"),
        }
    }
}

/// What a reload did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Rules, exemptions and upstreams that are new, gone or different.
    pub changes: Vec<Difference>,
    /// Settings of the file that take effect at the next start only.
    pub needs_restart: Vec<NeedsRestart>,
}

/// One thing that differs after a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `rule`, `exemption` or `upstream`.
    pub kind: &'static str,
    /// Its id, or the addresses of an upstream.
    pub name: String,
    /// What happened to it.
    pub how: How,
}

/// What a reload did to a rule, an exemption or an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has other values for these keys.
    Changed(Vec<&'static str>),
}

impl How {
    /// A short stable name, for counting.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed(_) => "changed",
        }
    }
}

impl Display for Difference {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.name, self.how.as_str())?;
        match &self.how {
            How::Changed(keys) if !keys.is_empty() => write!(f, " ({})", keys.join(", ")),
            _ => Ok(()),
        }
    }
}

/// A setting that a running gateway cannot take up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeedsRestart {
    /// Its key in the policy file.
    pub key: &'static str,
    /// The value in use.
    pub running: String,
    /// The value in the file.
    pub file: String,
}

impl Display for NeedsRestart {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} stays {}: {} takes a restart", self.key, self.running, self.file)
    }
}

/// What differs between two settings that a running gateway takes up.
pub(crate) fn differences(before: &Settings, after: &Settings) -> Vec<Difference> {
    let mut found = of_rules(&before.policy, &after.policy);
    found.extend(of_exemptions(&before.policy, &after.policy));
    found.extend(of_upstreams(&before.upstreams, &after.upstreams));
    found
}

/// The settings that a running gateway keeps until it is started again.
pub(crate) fn needs_restart(running: &Settings, file: &Settings) -> Vec<NeedsRestart> {
    let pairs = [
        ("gateway.http", shown(running.http), shown(file.http)),
        ("gateway.https", shown(running.https), shown(file.https)),
        ("gateway.http3", running.http3.to_string(), file.http3.to_string()),
        ("gateway.admin", shown(running.admin), shown(file.admin)),
        ("gateway.store", path(running), path(file)),
    ];
    let mut found = Vec::new();
    for (key, running, file) in pairs {
        if running != file {
            found.push(NeedsRestart { key, running, file });
        }
    }
    found
}

fn shown<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "false".to_owned(), |value| value.to_string())
}

fn path(settings: &Settings) -> String {
    shown(settings.store.as_deref().map(std::path::Path::display))
}

fn of_rules(before: &Policy, after: &Policy) -> Vec<Difference> {
    let mut found = Vec::new();
    for rule in after.rules() {
        let how = match before.rule(&rule.id) {
            None => How::Added,
            Some(old) => match changed_keys(old, rule) {
                keys if keys.is_empty() => continue,
                keys => How::Changed(keys),
            },
        };
        found.push(Difference { kind: "rule", name: rule.id.to_string(), how });
    }
    for rule in before.rules() {
        if after.rule(&rule.id).is_none() {
            found.push(Difference { kind: "rule", name: rule.id.to_string(), how: How::Removed });
        }
    }
    found
}

/// The keys of a rule that have another value. Patterns and readers have no equality, but they show all that they hold.
fn changed_keys(before: &RuleSpec, after: &RuleSpec) -> Vec<&'static str> {
    let pairs = values(before).into_iter().zip(values(after));
    pairs.filter(|(old, new)| old != new).map(|(old, _)| old.0).collect()
}

fn values(rule: &RuleSpec) -> [(&'static str, String); 14] {
    [
        ("match", debug(&rule.matcher)),
        ("require", debug(&rule.require)),
        ("on", debug(&rule.on)),
        ("answer", debug(&rule.answer)),
        ("message", debug(&rule.message)),
        ("docs", debug(&rule.docs)),
        ("successor", debug(&rule.successor)),
        ("upgrade-url", debug(&rule.upgrade_url)),
        ("token", debug(&rule.token)),
        ("deprecated", debug(&rule.deprecated)),
        ("sunset", debug(&rule.sunset)),
        ("phase", debug(&rule.phase)),
        ("rollout", debug(&(&rule.rollout, &rule.identity))),
        ("breaker", debug(&rule.breaker)),
    ]
}

fn debug(value: &impl Debug) -> String {
    format!("{value:?}")
}

fn of_exemptions(before: &Policy, after: &Policy) -> Vec<Difference> {
    let mut found = Vec::new();
    for exemption in after.exemptions() {
        let how = match exemption_text(before, &exemption.id) {
            None => How::Added,
            Some(old) if old == debug(exemption) => continue,
            Some(_) => How::Changed(Vec::new()),
        };
        found.push(Difference { kind: "exemption", name: exemption.id.to_string(), how });
    }
    for exemption in before.exemptions() {
        if exemption_text(after, &exemption.id).is_none() {
            found.push(Difference { kind: "exemption", name: exemption.id.to_string(), how: How::Removed });
        }
    }
    found
}

/// All that the exemption holds.
fn exemption_text(policy: &Policy, id: &str) -> Option<String> {
    let exemption = policy.exemptions().iter().find(|exemption| &*exemption.id == id);
    exemption.map(debug)
}

/// An upstream has no id: it is the same as long as it has the same addresses.
fn of_upstreams(before: &[Upstream], after: &[Upstream]) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut left: Vec<(String, &Upstream)> = before.iter().map(|upstream| (addresses(upstream), upstream)).collect();
    for upstream in after {
        let name = addresses(upstream);
        let Some(index) = left.iter().position(|(old, _)| *old == name) else {
            found.push(Difference { kind: "upstream", name, how: How::Added });
            continue;
        };
        let (_, old) = left.remove(index);
        if debug(old) != debug(upstream) {
            found.push(Difference { kind: "upstream", name, how: How::Changed(Vec::new()) });
        }
    }
    let gone = left.into_iter().map(|(name, _)| Difference { kind: "upstream", name, how: How::Removed });
    found.extend(gone);
    found
}

fn addresses(upstream: &Upstream) -> String {
    let addresses: Vec<_> = upstream.endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect();
    addresses.join(", ")
}
