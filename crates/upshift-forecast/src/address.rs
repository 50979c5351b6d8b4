//! The addresses that servers write.

use std::net::{IpAddr, Ipv4Addr};

use crate::short_scan::{first_mark, first_word, marks_of};

/// The address that is the first word of a text, and the length of the word.
pub(crate) fn first_address(text: &[u8]) -> Option<(IpAddr, usize)> {
    if let Some(begin) = text.first_chunk::<16>()
        && let Some((address, length)) = first_ipv4(begin)
    {
        return Some((address.into(), length));
    }
    let word = first_word(text)?;
    Some((parse_address(word)?, word.len()))
}

/// Reads an address, perhaps with a port, a zone or brackets.
pub(crate) fn parse_address(text: &[u8]) -> Option<IpAddr> {
    if let Some(address) = parse_ipv4(text) {
        return Some(address.into());
    }
    let text = std::str::from_utf8(text).ok()?;
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split([']', '%']).next()?.parse().ok();
    }
    let bare = text.split('%').next().unwrap_or_default();
    if let Ok(address) = bare.parse() {
        return Some(address);
    }
    let (host, _port) = bare.rsplit_once(':')?;
    host.parse().ok()
}

/// The usual form, in a fraction of the time that `std` needs.
fn parse_ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut word = [b' '; 16];
    // A space must follow.
    word[..15].get_mut(..text.len())?.copy_from_slice(text);
    let (address, length) = first_ipv4(&word)?;
    if length == text.len() { Some(address) } else { None }
}

/// The address before the first space, and its length. Addresses are of all lengths: a loop over
/// their digits would make the processor guess wrong at the end of most numbers.
fn first_ipv4(text: &[u8; 16]) -> Option<(Ipv4Addr, usize)> {
    let length = first_mark(marks_of(b' ', text));
    let mut points = marks_of(b'.', text);
    let mut octets = [0; 4];
    let mut begin = 0;
    for octet in &mut octets[..3] {
        let end = first_mark(points);
        *octet = read_octet(text, begin, end)?;
        points &= points.wrapping_sub(1);
        begin = end + 1;
    }
    octets[3] = read_octet(text, begin, length)?;
    Some((octets.into(), length))
}

/// Reads one to three digits.
fn read_octet(text: &[u8; 16], begin: usize, end: usize) -> Option<u8> {
    const ONES: u32 = 0x0101_0101;
    let count = end.checked_sub(begin)?;
    if count == 0 || count > 3 || end > 15 {
        return None;
    }
    let bytes = u32::from_le_bytes(*text.get(begin..)?.first_chunk()?);
    // The last digit is in the highest byte. What comes after it is gone, and the bytes before the
    // first digit are zeros.
    let digits = (bytes ^ (ONES * 0x30)) << (32 - 8 * count);
    // The highest bit of each byte above nine.
    let wrong = (digits.wrapping_add(ONES * (0x7f - 9)) | digits) & (ONES << 7);
    if wrong != 0 {
        return None;
    }
    let [_, hundreds, tens, units] = digits.to_le_bytes();
    u8::try_from(u16::from(hundreds) * 100 + u16::from(tens) * 10 + u16::from(units)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_servers_log_them() {
        for (text, address) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:42850", "192.0.2.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("fe80::1%eth0", "fe80::1"),
        ] {
            assert_eq!(parse_address(text.as_bytes()), address.parse().ok(), "{text}");
        }
        for none in
            ["-", "", "unix:", "unknown", "192.0.2", "192.0.2.256", "1.2.3.4.5", "client.example"]
        {
            assert_eq!(parse_address(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn the_first_word_of_a_line_is_an_address() {
        for (text, address) in [
            ("192.0.2.7 - - [25/Nov", "192.0.2.7"),
            ("1.2.3.4 5.6.7.8 abcdef", "1.2.3.4"),
            ("198.51.100.255 - -", "198.51.100.255"),
            ("198.51.100.255 ", "198.51.100.255"),
            ("2001:db8:85a3:8d3:1319:8a2e:370:7348 - -", "2001:db8:85a3:8d3:1319:8a2e:370:7348"),
            ("192.0.2.7:42850 - -", "192.0.2.7"),
        ] {
            let found = first_address(text.as_bytes());
            assert_eq!(found.map(|(address, _)| address), address.parse().ok(), "{text}");
            assert_eq!(found.map(|(_, length)| length), text.find(' '), "{text}");
        }
        for none in
            ["- - - [25/Nov/2026", "192.0.2/7 - - - - - -", "192.0.2.7", "1.2.3. 4 - - - - -"]
        {
            assert_eq!(first_address(none.as_bytes()), None, "{none}");
        }
    }

    proptest::proptest! {
        /// `std` refuses leading zeros, which some servers write.
        #[test]
        fn what_std_reads_is_read_alike(text in "[0-3]?[0-9.]{1,15}|([0-9]{1,3}\\.){3}[0-9]{1,3}") {
            let expected: Option<Ipv4Addr> = text.parse().ok();
            let read = parse_ipv4(text.as_bytes());
            let has_zero = text.split('.').any(|part| part.len() > 1 && part.starts_with('0'));
            proptest::prop_assert!(read == expected || (has_zero && expected.is_none()), "{text}");
        }
    }
}
