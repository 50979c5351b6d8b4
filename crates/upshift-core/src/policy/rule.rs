//! One rule: where, what, since when, and what to tell people.

use std::collections::BTreeMap;
use std::ops::Deref;

use jiff::{SignedDuration, Timestamp};

use super::client::ClientReader;
use super::exemption::{Builtin, Served};
use super::identity::{IdentityReader, identities, identity};
use super::matcher::{HostPattern, Matcher};
use super::overrides::Override;
use super::path::PathPattern;
use super::reading::PathReading;
use super::requirement::Requirement;
use super::rollout::{Phase, Rollout, RolloutState};
use crate::decision::VerdictReason;
use crate::facts::Facts;
use crate::field::Protocol;

/// A rule as it is written.
#[derive(Clone, Debug)]
pub struct RuleSpec {
    /// Its name, unique in the policy.
    pub id: Box<str>,
    /// Where it applies.
    pub matcher: Matcher,
    /// What is required: any one of these, the most wanted first.
    pub require: Vec<Requirement>,
    /// What is done with what is uncertain.
    pub on: Uncertain,
    /// How a refusal is put.
    pub answer: AnswerStyle,
    /// What people are told first.
    pub message: Option<String>,
    /// Where it is documented.
    pub docs: Option<String>,
    /// What takes its place.
    pub successor: Option<String>,
    /// Where to get a newer client.
    pub upgrade_url: UpgradeUrl,
    /// The protocol name in `Upgrade` for an API or client version.
    pub token: Option<Box<str>>,
    /// Since when it is deprecated; `rollout.warn` if left out.
    pub deprecated: Option<Timestamp>,
    /// From when it is gone; `rollout.enforce` if left out.
    pub sunset: Option<Timestamp>,
    /// A phase that beats the rollout.
    pub phase: Option<Phase>,
    /// The plan of phases; without one, the rule enforces at once.
    pub rollout: Option<Rollout>,
    /// Who a caller is, for the ramp and the breaker.
    pub identity: Vec<IdentityReader>,
    /// What stops the rule when it hits too many.
    pub breaker: Option<BreakerLimits>,
}

/// What is done with each uncertain reason: admit (the default) or refuse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uncertain(Vec<VerdictReason>);

/// How a refusal is put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnswerStyle {
    /// 426.
    #[default]
    Upgrade,
    /// Never 426, for those who keep it to protocols that the connection can switch to: 400, 403 or
    /// 410, as the reason is.
    Strict,
    /// 308 to `https` for a browser's navigation, 426 for the rest.
    Redirect,
    /// This status, 400 to 599.
    Status(u16),
}

/// Where to get a newer client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpgradeUrl {
    /// For a client of this name.
    pub clients: BTreeMap<Box<str>, String>,
    /// For all others.
    pub default: Option<String>,
}

/// When a rule is stopped by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerLimits {
    /// The share of distinct identities refused, 0 to 1, above which it trips.
    pub refused_share: f64,
    /// The time over which they are counted, in seconds.
    pub window: u32,
    /// How many identities must have been seen before it may trip.
    pub minimum: u32,
    /// Which identities are counted.
    pub counts: Counted,
    /// The most identities of one network (/24 of IPv4, /48 of IPv6) that are counted in a window.
    pub per_network: u32,
}

impl BreakerLimits {
    /// The time for which a rule is watched after enforcement.
    pub const AFTER_ENFORCEMENT: SignedDuration = SignedDuration::from_hours(7 * 24);
}

/// Which identities a breaker counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    /// All that were seen.
    #[default]
    Seen,
    /// Those that an upstream has answered with 2xx before: an identity that was made up is not
    /// among them.
    Accepted,
}

/// A valid rule. It reads like its [`RuleSpec`].
#[derive(Clone, Debug)]
pub struct Rule {
    spec: RuleSpec,
    fields: Vec<Box<str>>,
    links: Vec<RuleLink>,
    pub(super) overridden: Option<Override>,
}

impl Uncertain {
    /// The reasons that `on` may name.
    pub const REASONS: [VerdictReason; 6] = [
        VerdictReason::Missing,
        VerdictReason::Malformed,
        VerdictReason::Ambiguous,
        VerdictReason::TooNew,
        VerdictReason::UnknownClient,
        VerdictReason::Unknown,
    ];

    /// With these refused and the others admitted.
    pub fn refusing(reasons: impl IntoIterator<Item = VerdictReason>) -> Self {
        Self(reasons.into_iter().collect())
    }

    /// Tells whether the reason is refused.
    pub fn refuses(&self, reason: VerdictReason) -> bool {
        self.0.contains(&reason)
    }
}

impl UpgradeUrl {
    /// The address for a client.
    pub fn of(&self, client: Option<&str>) -> Option<&str> {
        let own = client.and_then(|client| {
            self.clients
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(client))
                .map(|(_, url)| url)
        });
        own.or(self.default.as_ref()).map(String::as_str)
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        self.clients.values().chain(&self.default).map(String::as_str)
    }
}

impl RuleSpec {
    /// A rule that applies everywhere, enforces at once and says nothing particular.
    pub fn new(id: &str, require: Vec<Requirement>) -> Self {
        Self {
            id: id.into(),
            matcher: Matcher::default(),
            require,
            on: Uncertain::default(),
            answer: AnswerStyle::default(),
            message: None,
            docs: None,
            successor: None,
            upgrade_url: UpgradeUrl::default(),
            token: None,
            deprecated: None,
            sunset: None,
            phase: None,
            rollout: None,
            identity: Vec::new(),
            breaker: None,
        }
    }

    /// Since when it is deprecated.
    pub fn deprecated(&self) -> Option<Timestamp> {
        self.deprecated.or_else(|| self.rollout.as_ref()?.plan().warn)
    }

    /// From when it is gone.
    pub fn sunset(&self) -> Option<Timestamp> {
        self.sunset.or_else(|| self.rollout.as_ref()?.plan().enforce)
    }

    /// Who calls, as this rule reads it; never empty.
    pub fn identity(&self, facts: &Facts<'_>) -> Option<String> {
        identity(&self.identity, facts)
    }

    /// Where a client names itself, as this rule reads it.
    pub(super) fn client_readers(&self) -> &[ClientReader] {
        self.require
            .iter()
            .find_map(|requirement| match requirement {
                Requirement::Client(client) => Some(client.read.as_slice()),
                _ => None,
            })
            .unwrap_or(&[ClientReader::UserAgent])
    }

    /// Every identity that the caller sent, as this rule reads it.
    pub(super) fn identities(&self, facts: &Facts<'_>) -> Vec<String> {
        identities(&self.identity, facts)
    }

    fn links(&self) -> impl Iterator<Item = &str> {
        let links = self.docs.iter().chain(&self.successor).map(String::as_str);
        links.chain(self.upgrade_url.all())
    }
}

/// A place that a rule sends people to.
#[derive(Clone, Debug)]
struct RuleLink {
    /// Its host; `None`: a path on this site.
    host: Option<Box<str>>,
    path: PathPattern,
}

impl RuleLink {
    fn parse(link: &str) -> Option<Self> {
        let Some((_, rest)) = link.split_once("://") else {
            return Some(Self { host: None, path: PathPattern::literal(link)? });
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let path = PathPattern::literal(Facts::split_target(link).0)?;
        Some(Self { host: Some(Facts::host_of(authority).into()), path })
    }
}

impl Rule {
    /// The moment at which the breaker's watch ends by the calendar; `None` for a rule that has no
    /// breaker, or that does not enforce by a calendar.
    pub fn watch_end(&self) -> Option<Timestamp> {
        let rollout =
            self.rollout.as_ref().filter(|_| self.breaker.is_some() && self.phase.is_none())?;
        let enforce = rollout.plan().enforce?;
        Some(enforce.saturating_add(BreakerLimits::AFTER_ENFORCEMENT).unwrap_or(enforce))
    }

    pub(super) fn new(spec: RuleSpec) -> Self {
        let identity = spec.identity.iter().filter_map(IdentityReader::field);
        let required = spec.require.iter().flat_map(Requirement::fields);
        let mut fields: Vec<Box<str>> = Vec::new();
        for field in spec.matcher.fields().chain(required).chain(identity) {
            if !fields.iter().any(|have| **have == *field) {
                fields.push(field.into());
            }
        }
        let links = spec.links().filter_map(RuleLink::parse).collect();
        Self { spec, fields, links, overridden: None }
    }

    /// Where it stands at `now`: what a person or the breaker set, else the pinned phase, else the
    /// rollout.
    pub fn rollout_state(&self, now: Timestamp) -> RolloutState {
        if let Some(set) =
            self.overridden.as_ref().filter(|set| set.until.is_none_or(|until| now < until))
        {
            return pinned(set.phase, set.until);
        }
        match (self.spec.phase, &self.spec.rollout) {
            (Some(phase), _) => pinned(phase, None),
            (None, Some(rollout)) => rollout.at(now),
            (None, None) => pinned(Phase::Enforce, None),
        }
    }

    /// What a person or the breaker set.
    pub fn overridden(&self) -> Option<&Override> {
        self.overridden.as_ref()
    }

    /// The fields that it may read, in lower case.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(AsRef::as_ref)
    }

    /// The protocol that stands for a version of the API or of a client called `name`.
    pub(crate) fn version_protocol(&self, name: &str, version: Option<&str>) -> Option<Protocol> {
        let name = self.spec.token.as_deref().unwrap_or(name);
        let name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "-._~+".contains(c) { c } else { '-' })
            .collect();
        Protocol::new(&name, version).or_else(|_| Protocol::new(&name, None)).ok()
    }

    pub(super) fn is_exempted_by(
        &self,
        builtin: Builtin,
        facts: &Facts<'_>,
        path: &PathReading<'_>,
        served: &Served,
    ) -> bool {
        builtin.excuses(self, facts, path, served)
    }

    /// Tells whether one of its links leads to this path on this host.
    ///
    /// A link to a host counts only where that host is served here, which the rule or the policy
    /// says: an upstream that ignores `Host` would serve the path of a foreign one, too.
    pub(super) fn links_to(
        &self,
        host: &str,
        path: &PathReading<'_>,
        served: &[HostPattern],
    ) -> bool {
        self.links.iter().any(|link| {
            let is_here = match &link.host {
                None => true,
                Some(linked) => linked.eq_ignore_ascii_case(host) && self.serves(host, served),
            };
            is_here && link.path.matches(path)
        })
    }

    fn serves(&self, host: &str, served: &[HostPattern]) -> bool {
        let own = &self.matcher.hosts.include;
        own.iter().chain(served).any(|pattern| pattern.fits(host))
    }
}

impl Deref for Rule {
    type Target = RuleSpec;

    fn deref(&self) -> &RuleSpec {
        &self.spec
    }
}

fn pinned(phase: Phase, until: Option<Timestamp>) -> RolloutState {
    RolloutState { phase, share: phase.pinned_share(), until }
}
