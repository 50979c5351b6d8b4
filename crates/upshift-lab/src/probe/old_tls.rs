//! Old versions of SSL and TLS, asked with a ClientHello made by hand: no current library offers
//! them. The handshake is not completed.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use upshift_record::probe::ProbeOutcome;

use super::inquiry::{Failure, Inquiry};
use super::prober::Prober;
use super::question::OldTls;
use super::target::Target;
use crate::wire_log::RecordedStream;

/// Record types (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;

/// The cipher suites that servers of that time have: ECDHE and RSA with AES, 3DES and RC4.
const CIPHER_SUITES: [u16; 12] = [
    0xc009, 0xc00a, 0xc013, 0xc014, 0x0033, 0x0039, 0x002f, 0x0035, 0xc012, 0x000a, 0x0005, 0x0004,
];

impl OldTls {
    /// The version on the wire.
    fn octets(self) -> [u8; 2] {
        match self {
            Self::Ssl3 => [3, 0],
            Self::Tls10 => [3, 1],
            Self::Tls11 => [3, 2],
        }
    }
}

impl Prober {
    /// Offers one old version, and reads the first record of the answer.
    pub(super) async fn ask_old_tls(
        &self,
        to: &Target,
        version: OldTls,
        inquiry: &mut Inquiry,
    ) -> Result<(), Failure> {
        let tcp = self.connect_tcp(to, inquiry).await?;
        let mut stream = RecordedStream::new(tcp, inquiry.log.clone());
        stream.write_all(&client_hello(version, &to.host)).await?;
        let mut received = Vec::new();
        let mut buffer = [0; 4096];
        // The version of a ServerHello ends with the eleventh octet, an alert with the seventh.
        while !is_decisive(&received) {
            match stream.read(&mut buffer).await {
                Ok(0) => break,
                Ok(length) => received.extend_from_slice(&buffer[..length]),
                Err(error) if received.is_empty() => {
                    inquiry.conclude(ProbeOutcome::Declined, error.to_string());
                    return Ok(());
                }
                Err(_) => break,
            }
        }
        let (outcome, reason) = judge_answer(&received, version);
        inquiry.conclude(outcome, reason);
        Ok(())
    }
}

fn is_decisive(received: &[u8]) -> bool {
    match received {
        [HANDSHAKE, ..] => received.len() >= 11,
        [ALERT, ..] => received.len() >= 7,
        _ => received.len() >= 5,
    }
}

fn judge_answer(received: &[u8], version: OldTls) -> (ProbeOutcome, String) {
    let [high, low] = version.octets();
    match received {
        [] => (ProbeOutcome::Declined, "connection closed".to_owned()),
        // A ServerHello (2) with the version that was offered.
        [HANDSHAKE, _, _, _, _, 2, _, _, _, major, minor, ..]
            if [*major, *minor] == [high, low] =>
        {
            (ProbeOutcome::Accepted, "the server chose it".to_owned())
        }
        [HANDSHAKE, ..] => (ProbeOutcome::Declined, "another was chosen".to_owned()),
        [ALERT, _, _, _, _, _, description, ..] => {
            (ProbeOutcome::Declined, format!("alert {}", alert_name(*description)))
        }
        _ => (ProbeOutcome::Declined, "the port speaks no TLS".to_owned()),
    }
}

/// The names of alerts that answer a ClientHello (RFC 8446 §6).
fn alert_name(description: u8) -> String {
    let name = match description {
        10 => "unexpected_message",
        40 => "handshake_failure",
        47 => "illegal_parameter",
        50 => "decode_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        112 => "unrecognized_name",
        other => return other.to_string(),
    };
    name.to_owned()
}

/// A ClientHello of one version (RFC 2246 §7.4.1.2) in a record. Only SSL 3.0 has no extensions.
fn client_hello(version: OldTls, host: &str) -> Vec<u8> {
    let mut body = version.octets().to_vec();
    // The random is never used, because the handshake is not completed.
    body.extend([0x42; 32]);
    body.push(0); // no session
    body.extend((2 * CIPHER_SUITES.len() as u16).to_be_bytes());
    for suite in CIPHER_SUITES {
        body.extend(suite.to_be_bytes());
    }
    body.extend([1, 0]); // no compression
    if version != OldTls::Ssl3 {
        let extensions = extensions(host);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
    }
    let length = body.len() as u16;
    let mut hello = vec![HANDSHAKE, 3, if version == OldTls::Ssl3 { 0 } else { 1 }];
    hello.extend((length + 4).to_be_bytes());
    hello.extend([1, 0]); // client_hello, and the first octet of its length
    hello.extend(length.to_be_bytes());
    hello.extend(body);
    hello
}

fn extensions(host: &str) -> Vec<u8> {
    let mut extensions = Vec::new();
    // RFC 6066 §3: literal addresses are not permitted in server_name.
    if host.parse::<std::net::IpAddr>().is_err() {
        let name = host.as_bytes();
        let mut list = vec![0];
        list.extend((name.len() as u16).to_be_bytes());
        list.extend(name);
        let mut names = (list.len() as u16).to_be_bytes().to_vec();
        names.extend(list);
        push_extension(&mut extensions, 0, &names);
    }
    // supported_groups: x25519, secp256r1, secp384r1 (RFC 8422 §5.1.1).
    push_extension(&mut extensions, 10, &[0, 6, 0, 29, 0, 23, 0, 24]);
    // ec_point_formats: uncompressed (RFC 8422 §5.1.2).
    push_extension(&mut extensions, 11, &[1, 0]);
    // renegotiation_info: some servers refuse clients without it (RFC 5746 §3.4).
    push_extension(&mut extensions, 0xff01, &[0]);
    extensions
}

fn push_extension(out: &mut Vec<u8>, kind: u16, body: &[u8]) {
    out.extend(kind.to_be_bytes());
    out.extend((body.len() as u16).to_be_bytes());
    out.extend(body);
}

#[cfg(test)]
mod tests {
    use upshift_http::client_hello::{HelloVerdict, OldHello, examine_hello};

    use super::*;

    /// The gateway's reader of hellos, which was tested with those of real clients, knows each.
    #[test]
    fn a_hello_offers_its_version_alone() {
        for (version, old) in [
            (OldTls::Ssl3, OldHello::Ssl3),
            (OldTls::Tls10, OldHello::Tls1_0),
            (OldTls::Tls11, OldHello::Tls1_1),
        ] {
            for host in ["a.example", "127.0.0.1"] {
                let hello = client_hello(version, host);
                assert_eq!(examine_hello(&hello), HelloVerdict::TooOld(old));
                let length = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
                assert_eq!(hello.len(), 5 + length);
            }
        }
    }

    #[test]
    fn answers_are_told_apart() {
        let server_hello = [22, 3, 1, 0, 80, 2, 0, 0, 76, 3, 1];
        assert_eq!(judge_answer(&server_hello, OldTls::Tls10).0, ProbeOutcome::Accepted);
        assert_eq!(judge_answer(&server_hello, OldTls::Tls11).0, ProbeOutcome::Declined);
        let alert = [21, 3, 1, 0, 2, 2, 70];
        let (outcome, reason) = judge_answer(&alert, OldTls::Tls10);
        assert_eq!((outcome, reason.as_str()), (ProbeOutcome::Declined, "alert protocol_version"));
        assert_eq!(judge_answer(b"HTTP/1.1 400", OldTls::Tls10).1, "the port speaks no TLS");
    }
}
