//! The settings of a following client, and the hook that raises versions.

use std::sync::Arc;
use std::time::Duration;

use http::request;
use upshift_core::TlsVersion;
use upshift_core::follow::{Capabilities, FollowPolicy, StepKind, StepKinds, Subject};

use crate::Memory;
use crate::credentials::Credentials;
use crate::notice::Noticeboard;

/// A version that the server requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedVersion<'a> {
    /// The subject of the version.
    pub subject: Subject,
    /// The name of the API or client: the protocol token, else the server's rule.
    pub name: &'a str,
    /// The lowest version that is enough, if the server named it.
    pub minimum: Option<&'a str>,
}

/// A hook that raises the version that a request uses.
pub trait RaiseVersion: Send + Sync {
    /// Changes the request, usually one field or the path, and returns true. Returns false if the
    /// program supports no version that is high enough. The host and the scheme must stay.
    fn raise(&self, wanted: &WantedVersion<'_>, request: &mut request::Parts) -> bool;
}

impl<F: Fn(&WantedVersion<'_>, &mut request::Parts) -> bool + Send + Sync> RaiseVersion for F {
    fn raise(&self, wanted: &WantedVersion<'_>, request: &mut request::Parts) -> bool {
        self(wanted, request)
    }
}

#[derive(Clone)]
pub(crate) struct FollowSettings {
    pub(crate) can: Capabilities,
    pub(crate) may: FollowPolicy,
    pub(crate) memory: Memory,
    pub(crate) credentials: Credentials,
    pub(crate) raise: Option<Arc<dyn RaiseVersion>>,
    pub(crate) notices: Noticeboard,
    pub(crate) body_timeout: Duration,
}

impl FollowSettings {
    /// Returns true if the inner client is able to take the step and the policy allows it.
    pub(crate) fn allows(&self, kind: StepKind) -> bool {
        self.can.steps.contains(kind) && self.may.steps.contains(kind)
    }
}

impl Default for FollowSettings {
    /// The inner client is able to do all that the request alone makes it do: `https`, HTTP/1.1,
    /// another version, plain HTTP.
    fn default() -> Self {
        Self {
            can: Capabilities {
                steps: StepKinds::from_kinds(&[
                    StepKind::Tls,
                    StepKind::Http11,
                    StepKind::FallBack,
                ]),
                tls: TlsVersion::V1_3,
            },
            may: FollowPolicy::default(),
            memory: Memory::new(),
            credentials: Credentials::default(),
            raise: None,
            notices: Noticeboard::default(),
            body_timeout: Duration::from_secs(2),
        }
    }
}
