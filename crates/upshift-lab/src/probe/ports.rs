//! The ports of the channel that a URL does not name: TLS for an `http` URL, cleartext for an
//! `https` URL.

use upshift_record::Lane;
use upshift_record::probe::ProbeRow;

use super::alternatives::{Alternative, alternatives_of};
use super::promises::urls_of;
use super::question::Question;
use super::settings::ProbeSettings;
use super::target::Target;

/// The endpoint of the other channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OtherChannel {
    /// It is here.
    At(Target),
    /// It is not known, for this reason.
    Unknown(&'static str),
}

impl OtherChannel {
    /// The endpoint, as far as the settings and the URL name it.
    pub(super) fn before_answers(settings: &ProbeSettings) -> Self {
        let url = &settings.target;
        let named = if url.is_tls { settings.cleartext_port } else { settings.tls_port };
        match named.or(url.implied_other_port()) {
            Some(port) => Self::At(url.at_port(!url.is_tls, port)),
            None if url.is_tls => {
                Self::Unknown("its cleartext port is not known (--cleartext-port)")
            }
            None => Self::Unknown("its TLS port is not known (--tls-port)"),
        }
    }

    /// The endpoint, with what the answers say: an `https` URL of the same host, or an alternative
    /// service over TLS.
    pub(super) fn after_answers(self, settings: &ProbeSettings, rows: &[ProbeRow]) -> Self {
        let url = &settings.target;
        if matches!(self, Self::At(_)) || url.is_tls {
            return self;
        }
        for row in rows {
            for named in urls_of(row, url) {
                if named.target.is_tls && named.target.host == url.host {
                    return Self::At(url.at_port(true, named.target.port));
                }
            }
        }
        match rows.iter().find_map(|row| own_alternative(row, url, &["h2", "h3"])) {
            Some(port) => Self::At(url.at_port(true, port)),
            None => self,
        }
    }

    /// The endpoint that a question of the second round is for, or the reason not to ask it.
    pub(super) fn target_of(
        &self,
        question: Question,
        url: &Target,
        rows: &[ProbeRow],
    ) -> Result<Target, &'static str> {
        if question == Question::Lane(Lane::Http3) {
            // RFC 9114 §3.1.1: a server announces the UDP port by Alt-Svc.
            if let Some(port) = rows.iter().find_map(|row| own_alternative(row, url, &["h3"])) {
                return Ok(url.at_port(true, port));
            }
            if url.is_tls {
                return Ok(url.clone());
            }
        }
        match self {
            Self::At(target) => Ok(target.clone()),
            Self::Unknown(reason) => Err(reason),
        }
    }

    /// The endpoint, if it is known.
    pub(super) fn target(&self) -> Option<&Target> {
        match self {
            Self::At(target) => Some(target),
            Self::Unknown(_) => None,
        }
    }
}

/// The port of an alternative of these protocols on the same host.
fn own_alternative(row: &ProbeRow, url: &Target, protocols: &[&str]) -> Option<u16> {
    let matching = |alternative: &Alternative| {
        alternative.host.is_none() && protocols.contains(&alternative.protocol.as_str())
    };
    alternatives_of(row, &url.host).into_iter().find(matching).map(|alternative| alternative.port)
}
