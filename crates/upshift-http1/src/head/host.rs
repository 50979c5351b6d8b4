//! Hosts with ports: the value of `Host`, and the authority of a target (RFC 3986 §3.2).

use crate::octets::is_host_byte;

/// Returns true for a valid value of `Host` (RFC 9110 §7.2): `uri-host [ ":" port ]`, or an empty
/// one, which a client sends if the target has no authority.
pub(crate) fn is_host_value(value: &[u8]) -> bool {
    value.is_empty() || is_authority(value, false)
}

/// Returns true for an authority without user information. RFC 9112 §3.2.3: with CONNECT, it has a
/// port.
pub(crate) fn is_authority(bytes: &[u8], needs_port: bool) -> bool {
    let Some((host, port)) = split_port(bytes) else { return false };
    let port_is_valid = match port {
        None => !needs_port,
        Some([]) => !needs_port,
        Some(digits) => is_port(digits),
    };
    port_is_valid && is_host(host)
}

/// Splits at the colon before the port, ignoring colons within the brackets of an IPv6 address.
fn split_port(bytes: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let host_length = if bytes.first() == Some(&b'[') {
        bytes.iter().position(|byte| *byte == b']')? + 1
    } else {
        bytes.iter().position(|byte| *byte == b':').unwrap_or(bytes.len())
    };
    match bytes.split_at(host_length) {
        (host, []) => Some((host, None)),
        (host, [b':', port @ ..]) => Some((host, Some(port))),
        _ => None,
    }
}

fn is_port(digits: &[u8]) -> bool {
    let mut port = 0u32;
    for digit in digits {
        if !digit.is_ascii_digit() || port > 65_535 {
            return false;
        }
        port = port * 10 + u32::from(digit - b'0');
    }
    port <= 65_535
}

fn is_host(host: &[u8]) -> bool {
    match host {
        [] => false,
        [b'[', address @ .., b']'] => {
            !address.is_empty() && address.iter().all(|byte| is_literal_byte(*byte))
        }
        name => name.iter().all(|byte| is_host_byte(*byte)),
    }
}

/// RFC 3986 §3.2.2: `IP-literal`, with the zone of RFC 6874.
fn is_literal_byte(byte: u8) -> bool {
    byte == b':' || is_host_byte(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_a_port() {
        for valid in
            ["", "a", "a.example:80", "a:", "127.0.0.1:65535", "[::1]", "[::1]:8080", "a_b"]
        {
            assert!(is_host_value(valid.as_bytes()), "{valid:?}");
        }
        for wrong in [
            "a b",
            "a/b",
            "a@b",
            "a:b",
            "a:80:80",
            ":80",
            "a:65536",
            "a:99999999999",
            "[::1",
            "[]",
            "[::1]x",
            "a,b",
            "a\\b",
            "ä",
            "a#",
            "a?",
        ] {
            // A comma is allowed in a name (RFC 3986: sub-delims).
            assert_eq!(is_host_value(wrong.as_bytes()), wrong == "a,b", "{wrong:?}");
        }
    }

    #[test]
    fn the_authority_of_connect_has_a_port() {
        assert!(is_authority(b"a:443", true));
        assert!(!is_authority(b"a", true) && !is_authority(b"a:", true));
    }
}
