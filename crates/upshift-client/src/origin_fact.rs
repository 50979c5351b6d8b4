//! The facts that a client remembers about an origin.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use upshift_core::follow::{AltSvc, Step};
use upshift_core::{Timestamp, TlsVersion};

/// The time for which a requirement is remembered.
pub(crate) const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// A fact and its end. The names in the file are those that earlier versions wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownFact {
    #[serde(rename = "what")]
    pub(crate) fact: OriginFact,
    /// In seconds since 1970.
    pub(crate) expires: i64,
}

impl KnownFact {
    /// The fact that a step which worked teaches; `None` for steps that are not remembered.
    pub(crate) fn from_step(step: &Step, path: &str, now: Timestamp) -> Option<Self> {
        let fact = OriginFact::from_step(step, path)?;
        Some(Self { fact, expires: (now + LIFETIME).as_second() })
    }

    /// The fact that `Alt-Svc` teaches. It lasts as long as the field says, at most thirty days.
    pub(crate) fn from_alternative(service: AltSvc, now: Timestamp) -> Self {
        let announced = i64::try_from(service.max_age).unwrap_or(i64::MAX);
        let age = SignedDuration::from_secs(announced).min(LIFETIME * 30);
        let fact = OriginFact::Alternative { port: service.port };
        Self { fact, expires: (now + age).as_second() }
    }

    pub(crate) fn is_current(&self, now: Timestamp) -> bool {
        self.expires > now.as_second()
    }
}

/// One thing that is known about an origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OriginFact {
    Tls {
        port: u16,
        minimum: Option<String>,
    },
    NewerTls {
        minimum: String,
    },
    TlsInBand,
    Http11,
    Http2,
    Http2PriorKnowledge,
    H2c,
    Http3 {
        port: u16,
    },
    /// This path takes no WebSocket.
    FallBack {
        path: String,
    },
    /// HTTP/3 was announced, not required.
    Alternative {
        port: u16,
    },
}

impl OriginFact {
    fn from_step(step: &Step, path: &str) -> Option<Self> {
        Some(match step {
            Step::Tls { port, minimum } => Self::Tls {
                port: *port,
                minimum: minimum.map(|minimum| minimum.as_str().to_owned()),
            },
            Step::NewerTls { minimum } => Self::NewerTls { minimum: minimum.as_str().to_owned() },
            Step::TlsInBand { .. } => Self::TlsInBand,
            Step::Http11 => Self::Http11,
            Step::Http2 => Self::Http2,
            Step::Http2PriorKnowledge => Self::Http2PriorKnowledge,
            Step::H2c => Self::H2c,
            Step::Http3 { port } => Self::Http3 { port: *port },
            Step::FallBack => Self::FallBack { path: path.to_owned() },
            // These depend on the caller's own wish and version, not on the origin alone.
            Step::WebSocket { .. } | Step::Version { .. } => return None,
        })
    }

    /// The step to take for a request for `asked`; `None` if the fact requires none of it.
    pub(crate) fn to_step(&self, asked: &str, handshake: bool) -> Option<Step> {
        Some(match self {
            Self::Tls { port, minimum } => {
                let parsed = minimum.as_deref().and_then(TlsVersion::parse);
                Step::Tls { port: *port, minimum: parsed }
            }
            Self::NewerTls { minimum } => Step::NewerTls { minimum: TlsVersion::parse(minimum)? },
            Self::TlsInBand => Step::TlsInBand { minimum: None },
            Self::Http11 => Step::Http11,
            Self::Http2 => Step::Http2,
            Self::Http2PriorKnowledge => Step::Http2PriorKnowledge,
            Self::H2c => Step::H2c,
            Self::Http3 { port } => Step::Http3 { port: *port },
            Self::FallBack { path } if handshake && path == asked => Step::FallBack,
            Self::FallBack { .. } | Self::Alternative { .. } => return None,
        })
    }

    /// Returns true if `new` takes the place of this fact.
    pub(crate) fn is_replaced_by(&self, new: &Self) -> bool {
        match (self, new) {
            (Self::FallBack { path }, Self::FallBack { path: new }) => path == new,
            _ => std::mem::discriminant(self) == std::mem::discriminant(new),
        }
    }

    /// Returns true if `matches` holds for the step that this fact leads to, on any path.
    pub(crate) fn leads_to(&self, matches: impl Fn(&Step) -> bool) -> bool {
        let step = match self {
            // It leads to a step only after a 426 that requires HTTP/3.
            Self::Alternative { port } => Some(Step::Http3 { port: *port }),
            Self::FallBack { .. } => Some(Step::FallBack),
            fact => fact.to_step("", false),
        };
        match step {
            Some(step) => matches(&step),
            None => false,
        }
    }
}
