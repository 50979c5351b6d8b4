//! IP networks and addresses.

use std::net::IpAddr;

use ipnet::IpNet;

/// Returns true if an address is private, loopback or link-local.
pub(crate) fn is_private(address: IpAddr) -> bool {
    // A socket for both families reports IPv4 addresses mapped into IPv6.
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Returns true if the address is in the network; IPv4 may come mapped into IPv6.
pub(crate) fn network_contains(network: &IpNet, address: IpAddr) -> bool {
    // Both forms are compared, because the network may be written in the mapped form, too.
    network.contains(&address) || network.contains(&address.to_canonical())
}
