//! The requests that are measured.

use super::h2load::{Amount, H2Load};
use super::http1::{NEW_VERSION, OLD_VERSION};
use super::servers::RunningServer;

/// A kind of request: refused or proxied, over cleartext HTTP/1.1 or over TLS with HTTP/2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RequestKind {
    Refusal,
    Proxied,
    RefusalH2,
    ProxiedH2,
}

impl RequestKind {
    pub(crate) const ALL: [Self; 4] =
        [Self::Refusal, Self::Proxied, Self::RefusalH2, Self::ProxiedH2];

    /// The name in the file of limits and in the names of charts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Refusal => "refusal",
            Self::Proxied => "proxied",
            Self::RefusalH2 => "refusal-h2",
            Self::ProxiedH2 => "proxied-h2",
        }
    }

    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Refusal => "Refusal, HTTP/1.1",
            Self::Proxied => "Proxied request, HTTP/1.1",
            Self::RefusalH2 => "Refusal, TLS with HTTP/2",
            Self::ProxiedH2 => "Proxied request, TLS with HTTP/2",
        }
    }

    pub(crate) fn is_http1(self) -> bool {
        matches!(self, Self::Refusal | Self::Proxied)
    }

    pub(crate) fn is_refused(self) -> bool {
        matches!(self, Self::Refusal | Self::RefusalH2)
    }

    /// The value of `X-Api-Version`.
    pub(crate) fn version(self) -> &'static str {
        if self.is_refused() { OLD_VERSION } else { NEW_VERSION }
    }

    /// The status of the response.
    pub(crate) fn status(self) -> u16 {
        if self.is_refused() { 426 } else { 200 }
    }

    /// The address of such requests.
    pub(crate) fn url(self, server: &RunningServer) -> String {
        if self.is_http1() {
            format!("http://{}{}", server.http, server.path)
        } else {
            format!("https://{}{}", server.https, server.path)
        }
    }

    /// Such requests by h2load.
    pub(crate) fn h2load(self, url: &str, amount: Amount) -> H2Load<'_> {
        let (connections, streams) = if self.is_http1() { (32, 1) } else { (16, 10) };
        H2Load {
            url,
            version: self.version(),
            is_http1: self.is_http1(),
            connections,
            streams,
            amount,
        }
    }
}
