//! What differs between what is in force and what takes its place.
//!
//! Every structure is taken apart by its fields here, without `..`: one that gets a new field does
//! not compile until a reload names it.

use std::fmt::{Debug, Display, Formatter};

use upshift_config::{Endpoint, FileSettings, GatewaySettings, HealthCheck, Limits, Upstream};
use upshift_core::Policy;
use upshift_core::policy::{Exemption, Matcher, RuleSpec};

use crate::settings::Settings;
use crate::tls::identity::LoadedFiles;

/// Keys of the policy file, each with its value as text.
type Values = Vec<(&'static str, String)>;

/// One thing that differs after a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `rule`, `exemption`, `upstream`, `setting`, `certificate` or `authorities`.
    pub kind: &'static str,
    /// Its id or its key, the addresses of an upstream, or the subject of a certificate.
    pub name: String,
    /// What happened to it.
    pub how: How,
}

/// What a reload did to a rule, an exemption, an upstream, a setting or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has another value; of a rule, an exemption and an upstream, these keys have.
    Changed(Vec<&'static str>),
    /// All of its kind are there, in another order.
    Reordered,
    /// The file that holds it has another content.
    TakenUp,
}

impl How {
    /// A short stable name, for counting.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed(_) => "changed",
            Self::Reordered => "reordered",
            Self::TakenUp => "taken-up",
        }
    }
}

impl Difference {
    fn reordered(kind: &'static str) -> Self {
        Self { kind, name: String::new(), how: How::Reordered }
    }
}

impl Display for Difference {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { kind, name, how } = self;
        match how {
            How::Reordered => write!(f, "the order of the {kind}s changed"),
            How::TakenUp => write!(f, "{kind} taken up: {name}"),
            How::Changed(keys) if keys.is_empty() => write!(f, "{name} changed"),
            How::Changed(keys) => write!(f, "{kind} {name}: changed ({})", keys.join(", ")),
            How::Added | How::Removed => write!(f, "{kind} {name}: {}", how.as_str()),
        }
    }
}

/// All that differs between two settings, except what a running gateway cannot take up.
pub(crate) fn differences(before: &Settings, after: &Settings) -> Vec<Difference> {
    let (old, new) = (&before.file, &after.file);
    let mut found = of_rules(&old.policy, &new.policy);
    found.extend(of_exemptions(&old.policy, &new.policy));
    found.extend(of_upstreams(&old.upstreams, &new.upstreams));
    for key in changed_keys(setting_values(before), setting_values(after)) {
        found.push(Difference {
            kind: "setting",
            name: key.to_owned(),
            how: How::Changed(Vec::new()),
        });
    }
    found
}

/// The differences between the files that two settings name: in their contents, not in their names.
pub(crate) fn file_differences(before: &LoadedFiles, after: &LoadedFiles) -> Vec<Difference> {
    let LoadedFiles { identity, authorities } = after;
    let mut found = Vec::new();
    if let Some(identity) = identity
        && before.identity.as_ref().is_none_or(|old| old.chain != identity.chain)
    {
        found.push(Difference {
            kind: "certificate",
            name: identity.describe(),
            how: How::TakenUp,
        });
    }
    for (path, certificates) in authorities {
        if before.authorities.get(path).is_some_and(|old| old != certificates) {
            found.push(Difference {
                kind: "authorities",
                name: path.display().to_string(),
                how: How::TakenUp,
            });
        }
    }
    found
}

/// The keys that have another value.
fn changed_keys(before: Values, after: Values) -> Vec<&'static str> {
    let mut changed = Vec::new();
    for (old, new) in before.into_iter().zip(after) {
        if old != new {
            changed.push(new.0);
        }
    }
    changed
}

fn debug(value: &impl Debug) -> String {
    format!("{value:?}")
}

/// All that holds for the whole gateway. Of the policy, what stands beside rules and exemptions.
fn setting_values(settings: &Settings) -> Values {
    // The command line or an embedder sets `observe` and `workers`, and no reload changes them.
    let Settings { file, observe: _, workers: _, admin_token } = settings;
    let FileSettings { gateway, limits, upstreams: _, policy, webhook } = file;
    let mut values = gateway_values(gateway, admin_token.as_deref());
    values.push(("breaker.webhook", debug(webhook)));
    values.extend(limit_values(limits));
    values.extend(policy.settings());
    values
}

fn gateway_values(gateway: &GatewaySettings, admin_token: Option<&str>) -> Values {
    let GatewaySettings {
        // These take a restart.
        http: _,
        https: _,
        http3: _,
        admin: _,
        store: _,
        store_is_usual: _,
        // The text of the token counts, not the place that it is read from.
        admin_token: _,
        // It is part of the policy.
        comparison: _,
        h2c_upgrade,
        in_band_tls,
        dangerous_allow_opossum,
        tls,
        hsts,
        public,
        proxies,
        undeclared_proxy,
        paths,
        access_log,
    } = gateway;
    vec![
        ("gateway.h2c-upgrade", debug(h2c_upgrade)),
        ("gateway.in-band-tls", debug(in_band_tls)),
        ("gateway.dangerous-allow-opossum", debug(dangerous_allow_opossum)),
        ("gateway.admin-token", debug(&admin_token)),
        ("gateway.tls", debug(tls)),
        ("gateway.hsts", debug(hsts)),
        ("gateway.public", debug(public)),
        ("gateway.proxy", debug(proxies)),
        ("gateway.undeclared-proxy", debug(undeclared_proxy)),
        ("gateway.paths", debug(paths)),
        ("gateway.access-log", debug(access_log)),
    ]
}

fn limit_values(limits: &Limits) -> Values {
    let Limits {
        header_bytes,
        header_timeout,
        idle,
        connections,
        lame_duck,
        drain,
        discard_bytes,
        discard_timeout,
        tunnel_idle,
        upstream_connect,
        upstream_response,
        upstream_silence,
        upstream_idle,
    } = limits;
    vec![
        ("limits.header-bytes", debug(header_bytes)),
        ("limits.header-timeout", debug(header_timeout)),
        ("limits.idle", debug(idle)),
        ("limits.connections", debug(connections)),
        ("limits.lame-duck", debug(lame_duck)),
        ("limits.drain", debug(drain)),
        ("limits.discard-bytes", debug(discard_bytes)),
        ("limits.discard-timeout", debug(discard_timeout)),
        ("limits.tunnel-idle", debug(tunnel_idle)),
        ("limits.upstream-connect", debug(upstream_connect)),
        ("limits.upstream-response", debug(upstream_response)),
        ("limits.upstream-silence", debug(upstream_silence)),
        ("limits.upstream-idle", debug(upstream_idle)),
    ]
}

fn of_rules(before: &Policy, after: &Policy) -> Vec<Difference> {
    let mut found = Vec::new();
    for rule in after.rules() {
        let how = match before.rule(&rule.id) {
            None => How::Added,
            Some(old) => match changed_keys(rule_values(old), rule_values(rule)) {
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
    // Among verdicts that are equally strict, the first rule of the file answers.
    if is_reordered(&rule_ids(before), &rule_ids(after)) {
        found.push(Difference::reordered("rule"));
    }
    found
}

fn rule_ids(policy: &Policy) -> Vec<&str> {
    policy.rules().iter().map(|rule| &*rule.id).collect()
}

/// Tells whether those that are in both lists come in another order.
fn is_reordered(before: &[&str], after: &[&str]) -> bool {
    let kept = before.iter().filter(|id| after.contains(id));
    kept.ne(after.iter().filter(|id| before.contains(id)))
}

/// Patterns and readers have no equality, but they show all that they hold.
fn rule_values(rule: &RuleSpec) -> Values {
    let RuleSpec {
        id: _,
        matcher,
        require,
        on,
        answer,
        message,
        docs,
        successor,
        upgrade_url,
        token,
        deprecated,
        sunset,
        phase,
        rollout,
        identity,
        breaker,
    } = rule;
    let mut values = matcher_values(matcher);
    values.extend([
        ("require", debug(require)),
        ("on", debug(on)),
        ("answer", debug(answer)),
        ("message", debug(message)),
        ("docs", debug(docs)),
        ("successor", debug(successor)),
        ("upgrade-url", debug(upgrade_url)),
        ("token", debug(token)),
        ("deprecated", debug(deprecated)),
        ("sunset", debug(sunset)),
        ("phase", debug(phase)),
        ("rollout", debug(&(rollout, identity))),
        ("breaker", debug(breaker)),
    ]);
    values
}

fn matcher_values(matcher: &Matcher) -> Values {
    let Matcher { hosts, paths, methods, headers, peers, clients, identities } = matcher;
    vec![
        ("hosts", debug(hosts)),
        ("paths", debug(paths)),
        ("methods", debug(methods)),
        ("headers", debug(headers)),
        ("peers", debug(peers)),
        ("clients", debug(clients)),
        ("identities", debug(identities)),
    ]
}

fn of_exemptions(before: &Policy, after: &Policy) -> Vec<Difference> {
    let mut found = Vec::new();
    let (old, new) = (before.exemptions(), after.exemptions());
    for exemption in new {
        let how = match old.iter().find(|old| old.id == exemption.id) {
            None => How::Added,
            Some(old) => match changed_keys(exemption_values(old), exemption_values(exemption)) {
                keys if keys.is_empty() => continue,
                keys => How::Changed(keys),
            },
        };
        found.push(Difference { kind: "exemption", name: exemption.id.to_string(), how });
    }
    for exemption in old {
        if !new.iter().any(|new| new.id == exemption.id) {
            found.push(Difference {
                kind: "exemption",
                name: exemption.id.to_string(),
                how: How::Removed,
            });
        }
    }
    if is_reordered(&exemption_ids(old), &exemption_ids(new)) {
        found.push(Difference::reordered("exemption"));
    }
    found
}

fn exemption_ids(exemptions: &[Exemption]) -> Vec<&str> {
    exemptions.iter().map(|exemption| &*exemption.id).collect()
}

fn exemption_values(exemption: &Exemption) -> Values {
    let Exemption { id: _, rules, matcher, reason, owner, expires } = exemption;
    let mut values = matcher_values(matcher);
    values.extend([
        ("rules", debug(rules)),
        ("reason", debug(reason)),
        ("owner", debug(owner)),
        ("expires", debug(expires)),
    ]);
    values
}

/// An upstream has no id: it is the same as long as it has the same addresses. Of several with the
/// same addresses, one that is equal in all is the same.
fn of_upstreams(before: &[Upstream], after: &[Upstream]) -> Vec<Difference> {
    let old: Vec<Values> = before.iter().map(upstream_values).collect();
    let new: Vec<Values> = after.iter().map(upstream_values).collect();
    let mut found = Vec::new();
    let mut same = pairs(before, after, &old, &new);
    for (index, upstream) in after.iter().enumerate() {
        let how = match same[index] {
            None => How::Added,
            Some(at) => match changed_keys(old[at].clone(), new[index].clone()) {
                keys if keys.is_empty() => continue,
                keys => How::Changed(keys),
            },
        };
        found.push(Difference { kind: "upstream", name: addresses(upstream), how });
    }
    for (index, upstream) in before.iter().enumerate() {
        if !same.contains(&Some(index)) {
            found.push(Difference {
                kind: "upstream",
                name: addresses(upstream),
                how: How::Removed,
            });
        }
    }
    same.retain(Option::is_some);
    if !same.is_sorted() {
        found.push(Difference::reordered("upstream"));
    }
    found
}

/// For each upstream of `after`, the index of the same one in `before`.
fn pairs(
    before: &[Upstream],
    after: &[Upstream],
    old: &[Values],
    new: &[Values],
) -> Vec<Option<usize>> {
    let mut same: Vec<Option<usize>> = vec![None; after.len()];
    for exactly in [true, false] {
        for index in 0..after.len() {
            if same[index].is_some() {
                continue;
            }
            let name = addresses(&after[index]);
            same[index] = (0..before.len()).find(|at| {
                let alike = addresses(&before[*at]) == name && (!exactly || old[*at] == new[index]);
                alike && !same.contains(&Some(*at))
            });
        }
    }
    same
}

fn upstream_values(upstream: &Upstream) -> Values {
    let Upstream { matcher, endpoints, http, ca, health, retries } = upstream;
    let mut values = matcher_values(matcher);
    values.extend([
        ("endpoints", endpoints.iter().map(endpoint_text).collect()),
        ("http", debug(http)),
        ("ca", debug(ca)),
        ("retries", debug(retries)),
    ]);
    values.extend(health_values(health.as_ref()));
    values
}

fn endpoint_text(endpoint: &Endpoint) -> String {
    let Endpoint { address, weight, backup, connections } = endpoint;
    debug(&(address, weight, backup, connections))
}

fn health_values(check: Option<&HealthCheck>) -> Values {
    let Some(HealthCheck { path, interval, timeout, expect, healthy, unhealthy }) = check else {
        return vec![("health", "none".to_owned())];
    };
    vec![("health", debug(&(path, interval, timeout, expect, healthy, unhealthy)))]
}

fn addresses(upstream: &Upstream) -> String {
    let addresses: Vec<_> =
        upstream.endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect();
    addresses.join(", ")
}
