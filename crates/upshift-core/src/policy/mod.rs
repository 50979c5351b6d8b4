//! The policy: its rules, its exemptions, and their calendar.
//!
//! A [`Policy`] that exists is a valid one. Everything that depends on the policy alone, such as
//! the fields of `Vary` or the lines of `Link`, is made when it is compiled.

mod browser;
mod canonical;
pub(crate) mod client;
mod dialect;
pub(crate) mod exemption;
pub(crate) mod field_set;
mod host;
pub(crate) mod identity;
pub(crate) mod matcher;
mod matcher_text;
mod overrides;
mod path;
mod path_features;
mod patterns;
mod percent;
pub(crate) mod phase;
pub(crate) mod query;
pub(crate) mod reading;
pub(crate) mod requirement;
mod requirement_inputs;
pub(crate) mod rollout;
pub(crate) mod rule;
pub(crate) mod rule_index;
pub(crate) mod rule_notice;
pub(crate) mod rule_spec;
mod segment_trie;
mod segments;
mod spec;
pub(crate) mod user_agent;
pub(crate) mod valid_policy;

pub use canonical::{Ambiguity, ambiguity, canonical, has_nul, is_too_ambiguous, why_undecidable};
pub(crate) use client::may_name_product;
pub use client::{ClientReader, client_family, has_product};
pub use exemption::{Builtin, ExemptedBy, Exemption, Served};
pub use host::HostPattern;
pub use identity::{IdentityReader, bucket, identity};
pub use matcher::{Matcher, MatcherValues};
pub use overrides::{Actor, Override, Overrides};
pub use path::{PathError, PathPattern, PathTemplate};
pub use patterns::{ClientPattern, HeaderPattern};
pub use phase::{Phase, PhaseEffect, RefusedShare, SettablePhase};
pub use reading::{Comparison, PathReading, PathReadings};
pub use requirement::{
    ApiReader, ApiRequirement, ClientRequirement, RequiredListener, Requirement, RequirementKind,
    WebSocketRequirement,
};
pub use requirement_inputs::RequirementInputs;
pub use rollout::{PlanError, RampPlan, Rollout, RolloutPlan, RolloutStage, RolloutState};
pub use rule::Rule;
pub use rule_spec::{AnswerStyle, BreakerLimits, Counted, RuleSpec, Uncertain, UpgradeUrl};
pub use segments::Case;
pub use spec::{PolicyError, PolicyErrorKind, PolicyItem, PolicySpec};
pub use user_agent::NAME_WORDS;
pub use valid_policy::Policy;
