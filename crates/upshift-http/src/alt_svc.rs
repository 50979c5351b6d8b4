//! The announcement of HTTP/3.

/// For how long clients may remember the announcement: a day, in seconds.
const MAX_AGE: u32 = 86_400;

/// The value of `Alt-Svc` (RFC 7838 §3) that announces HTTP/3 on the UDP port `port` of the same
/// host.
pub fn http3_alt_svc(port: u16) -> String {
    format!("h3=\":{port}\"; ma={MAX_AGE}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use upshift_core::follow::{AltSvc, AltSvcField};

    #[test]
    fn our_own_client_reads_it() {
        let fields = vec![("Alt-Svc", http3_alt_svc(8443))];
        let service = AltSvc { port: 8443, max_age: 86_400 };
        assert_eq!(AltSvcField::from_fields(&fields, "example.com"), AltSvcField::Http3(service));
    }
}
