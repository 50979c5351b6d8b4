//! The lanes over which a policy's gateway is asked.

use std::net::IpAddr;

use upshift_config::GatewaySettings;
use upshift_core::{HttpVersion, TlsVersion};
use upshift_record::Lane;

/// A lane as a gateway sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AskedLane {
    pub(super) lane: Lane,
    pub(super) http: HttpVersion,
    /// The version of TLS; `None`: cleartext.
    pub(super) tls: Option<TlsVersion>,
}

impl AskedLane {
    /// Returns true if the gateway switches the connection before it answers.
    pub(super) fn is_switched(self) -> bool {
        self.lane == Lane::H2cUpgrade
    }
}

/// The lanes of the listeners, in the order of reports.
pub(super) fn lanes_of(gateway: &GatewaySettings) -> Vec<AskedLane> {
    let mut lanes = Vec::new();
    for lane in Lane::ALL {
        lanes.extend(asked_over(gateway, lane));
    }
    lanes
}

/// The lane as the gateway sees it; `None` if no listener answers over it.
fn asked_over(gateway: &GatewaySettings, lane: Lane) -> Option<AskedLane> {
    let (http, tls) = match lane {
        Lane::Http10 => (HttpVersion::V1_0, None),
        Lane::Http11 => (HttpVersion::V1_1, None),
        Lane::H2cPrior => (HttpVersion::V2, None),
        Lane::H2cUpgrade if gateway.h2c_upgrade => (HttpVersion::V2, None),
        Lane::Http2 => (HttpVersion::V2, Some(TlsVersion::V1_3)),
        Lane::Http3 if gateway.http3 => (HttpVersion::V3, Some(TlsVersion::V1_3)),
        Lane::Tls12 => (HttpVersion::V1_1, Some(TlsVersion::V1_2)),
        Lane::Tls13 => (HttpVersion::V1_1, Some(TlsVersion::V1_3)),
        Lane::WebSocket if gateway.http.is_none() => (HttpVersion::V1_1, Some(TlsVersion::V1_3)),
        Lane::WebSocket => (HttpVersion::V1_1, None),
        // The gateway performs TLS in band for OPTIONS only.
        Lane::H2cUpgrade | Lane::Http3 | Lane::TlsInBand => return None,
    };
    let listener = if tls.is_none() { gateway.http } else { gateway.https };
    listener.map(|_| AskedLane { lane, http, tls })
}

/// The host and port at which this machine reaches a listener.
pub(super) fn reachable(listener: Option<std::net::SocketAddr>) -> String {
    let Some(mut address) = listener else { return String::new() };
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip([127, 0, 0, 1].into()),
        IpAddr::V6(ip) if ip.is_unspecified() => {
            address.set_ip(std::net::Ipv6Addr::LOCALHOST.into());
        }
        _ => {}
    }
    address.to_string()
}
