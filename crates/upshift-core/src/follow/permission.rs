//! The abilities and permissions of a client.

use super::step_kind::StepKinds;
use crate::TlsVersion;

/// The abilities of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The steps that the client can take.
    pub steps: StepKinds,
    /// The latest version of TLS that the client speaks.
    pub tls: TlsVersion,
}

/// The permissions that the caller gives a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowPolicy {
    /// The steps that the client may take.
    pub steps: StepKinds,
    /// The tokens and rules whose version the client may raise.
    pub versions: Names,
    /// The limit of steps for one request.
    pub max_steps: u8,
    /// Permits to repeat credentials over cleartext (rule 17). Only a network without other users
    /// makes that safe.
    pub dangerous_cleartext_credentials: bool,
}

impl Default for FollowPolicy {
    /// The safe steps, no versions, at most four steps.
    fn default() -> Self {
        Self {
            steps: StepKinds::SAFE,
            versions: Names::None,
            max_steps: 4,
            dangerous_cleartext_credentials: false,
        }
    }
}

/// A set of names, compared without case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// No name.
    #[default]
    None,
    /// Every name.
    Any,
    /// These names.
    These(Vec<String>),
}

impl Names {
    /// Returns true if `name` is in the set.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::Any => true,
            Self::These(names) => names.iter().any(|have| have.eq_ignore_ascii_case(name)),
        }
    }

    /// Returns true if the caller listed `name` itself.
    pub(super) fn lists(&self, name: &str) -> bool {
        matches!(self, Self::These(_)) && self.contains(name)
    }
}
