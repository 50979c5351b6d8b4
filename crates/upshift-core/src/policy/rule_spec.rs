//! A rule as it is written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::client::ClientReader;
use super::identity::{IdentityReader, identity};
use super::matcher::Matcher;
use super::phase::Phase;
use super::requirement::{Requirement, RequirementKind};
use super::rollout::Rollout;
use crate::facts::Facts;
use crate::verdict::VerdictReason;

/// A rule as it is written.
#[derive(Clone, Debug)]
pub struct RuleSpec {
    /// Its name, unique in the policy.
    pub id: Box<str>,
    /// The requests to which it applies.
    pub matcher: Matcher,
    /// The requirements, of which any one must be met, the preferred one first.
    pub require: Vec<Requirement>,
    /// The treatment of uncertain reasons.
    pub on: Uncertain,
    /// The form of a refusal.
    pub answer: AnswerStyle,
    /// The sentence that a refusal begins with.
    pub message: Option<String>,
    /// The address of its documentation.
    pub docs: Option<String>,
    /// The address of its successor.
    pub successor: Option<String>,
    /// The address of a newer client.
    pub upgrade_url: UpgradeUrl,
    /// The protocol name in `Upgrade` for an API or client version.
    pub token: Option<Box<str>>,
    /// The date of the deprecation; `rollout.warn` if left out.
    pub deprecated: Option<Timestamp>,
    /// The date of the end; `rollout.enforce` if left out.
    pub sunset: Option<Timestamp>,
    /// A phase that takes precedence over the rollout.
    pub phase: Option<Phase>,
    /// The plan of phases; without one, the rule enforces at once.
    pub rollout: Option<Rollout>,
    /// The places where a caller's identity is read, for the ramp and the breaker.
    pub identity: Vec<IdentityReader>,
    /// The limits at which the rule is stopped.
    pub breaker: Option<BreakerLimits>,
}

/// The uncertain reasons that refuse; the others admit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uncertain(Vec<VerdictReason>);

/// The form of a refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnswerStyle {
    /// 426.
    #[default]
    Upgrade,
    /// Never 426, for sites that reserve it for protocols that the connection can switch to: 400,
    /// 403 or 410, depending on the reason.
    Strict,
    /// 308 to `https` for a browser's navigation, 426 for the rest.
    Redirect,
    /// This status, 400 to 599.
    Status(u16),
}

/// The address of a newer client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpgradeUrl {
    /// For a client of this name.
    pub clients: BTreeMap<Box<str>, String>,
    /// For all others.
    pub default: Option<String>,
}

/// The limits at which the breaker stops a rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerLimits {
    /// The share of distinct identities refused, 0 to 1, above which it trips.
    pub refused_share: f64,
    /// The time over which they are counted, in seconds.
    pub window: u32,
    /// The number of identities that must have been seen before it may trip.
    pub minimum: u32,
    /// The identities that are counted.
    pub counts: Counted,
    /// The most identities of one network (/24 of IPv4, /48 of IPv6) that are counted in a window.
    pub per_network: u32,
}

/// The identities that a breaker counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    /// All that were seen.
    #[default]
    Seen,
    /// Those that an upstream has answered with 2xx before, which an invented identity has not.
    Accepted,
}

impl RuleSpec {
    /// A rule that applies everywhere, enforces at once and has no texts of its own.
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

    /// The date of the deprecation.
    pub fn deprecated(&self) -> Option<Timestamp> {
        match (self.deprecated, &self.rollout) {
            (Some(date), _) => Some(date),
            (None, Some(rollout)) => rollout.plan().warn,
            (None, None) => None,
        }
    }

    /// The date of the end.
    pub fn sunset(&self) -> Option<Timestamp> {
        match (self.sunset, &self.rollout) {
            (Some(date), _) => Some(date),
            (None, Some(rollout)) => rollout.plan().enforce,
            (None, None) => None,
        }
    }

    /// The caller's identity, as this rule reads it; never empty.
    pub fn identity(&self, facts: &Facts<'_>) -> Option<String> {
        identity(&self.identity, facts).map(Cow::into_owned)
    }

    /// The places where a client names itself, as this rule reads it.
    pub fn client_readers(&self) -> &[ClientReader] {
        for requirement in &self.require {
            if let Requirement::Client(client) = requirement {
                return &client.read;
            }
        }
        // A rule on something else can still name clients in its matcher and its exemptions.
        &[ClientReader::UserAgent]
    }

    /// Returns true if the rule requires this kind of thing.
    pub(crate) fn requires(&self, kind: RequirementKind) -> bool {
        self.require.iter().any(|requirement| requirement.kind() == kind)
    }
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

    /// With these reasons refused and the others admitted.
    pub fn refusing(reasons: impl IntoIterator<Item = VerdictReason>) -> Self {
        Self(reasons.into_iter().collect())
    }

    /// Returns true if the reason is refused.
    pub fn refuses(&self, reason: VerdictReason) -> bool {
        self.0.contains(&reason)
    }
}

impl UpgradeUrl {
    /// The address for a client.
    pub fn url_for(&self, client: Option<&str>) -> Option<&str> {
        if let Some(client) = client {
            // A search: the order of the map depends on case, and names compare without it.
            for (name, url) in &self.clients {
                if name.eq_ignore_ascii_case(client) {
                    return Some(url);
                }
            }
        }
        self.default.as_deref()
    }
}

impl BreakerLimits {
    /// The time for which a rule is watched after enforcement.
    pub const AFTER_ENFORCEMENT: SignedDuration = SignedDuration::from_hours(7 * 24);
}
