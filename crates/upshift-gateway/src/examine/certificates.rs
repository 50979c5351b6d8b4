//! Checks of certificates and keys: that they can be read, are valid now and belong together.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use upshift_config::{KeyDiagnostic, Severity, TlsFiles};
use upshift_core::TlsVersion;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::problem::{error, warning};
use crate::tls::TlsError;
use crate::tls::identity::{Identity, format_asn1_time};
use crate::tls::pem::{self, PemError};
use crate::tls::server::{key_fits_later_certificate, server_config};

/// The time before the end of a certificate from which on it is reported, in seconds.
const EXPIRES_SOON: i64 = 14 * 24 * 60 * 60;

/// Checks the certificate and the key that clients are shown.
pub(super) fn check_server_certificate(files: &TlsFiles) -> Vec<KeyDiagnostic> {
    let mut found = check_certificates(&files.certificate, "gateway.tls.certificate");
    if let Err(cause) = pem::read_private_key(&files.key) {
        found.push(pem_error(&files.key, "gateway.tls.key", &cause));
    }
    // An error in one file is no reason to report that the two do not belong together.
    if found.iter().all(|diagnostic| diagnostic.severity == Severity::Warning)
        && let Ok(identity) = Identity::read(files)
        && let Err(cause) = server_config(&identity, TlsVersion::V1_2)
    {
        found.push(pair_error(files, &identity, &cause));
    }
    found
}

/// Checks the certificates of a PEM file, which `key` names.
pub(super) fn check_certificates(path: &Path, key: &str) -> Vec<KeyDiagnostic> {
    let chain = match pem::read_certificates(path) {
        Ok(chain) => chain,
        Err(cause) => return vec![pem_error(path, key, &cause)],
    };
    let mut found = Vec::new();
    for (index, certificate) in chain.iter().enumerate() {
        found.extend(check_validity(certificate, index, path, key));
    }
    found
}

fn pem_error(path: &Path, key: &str, cause: &PemError) -> KeyDiagnostic {
    error(key, format!("{} {cause}", path.display()), cause.help_text(path))
}

/// The error of a certificate and a key that can be read, and not used together.
fn pair_error(files: &TlsFiles, identity: &Identity, cause: &TlsError) -> KeyDiagnostic {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let (reason, help) = match cause {
        TlsError::KeyMismatch(_) if key_fits_later_certificate(identity) => (
            "the key belongs to a certificate that is not the first of the file".to_owned(),
            "put the server's own certificate first, followed by those of its issuers",
        ),
        TlsError::KeyMismatch(_) => (
            "the key belongs to another certificate".to_owned(),
            "use the key that the certificate was issued for",
        ),
        TlsError::UnsupportedKey(_) => (
            "keys of this kind or size are not supported".to_owned(),
            "use RSA with 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, or Ed25519",
        ),
        other => (other.to_string(), "use the key that the certificate was issued for"),
    };
    let message = format!(
        "the certificate {certificate} and the key {key} cannot be used together: {reason}"
    );
    error("gateway.tls", message, help)
}

/// Checks the validity period of a certificate (RFC 5280 §4.1.2.5). `index` is its position in the
/// file.
fn check_validity(
    certificate: &CertificateDer<'_>,
    index: usize,
    path: &Path,
    key: &str,
) -> Option<KeyDiagnostic> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let name = match index {
        0 => format!("the certificate in {}", path.display()),
        _ => format!("certificate number {} in {}", index + 1, path.display()),
    };
    let now = upshift_core::Timestamp::now().as_second();
    let (begin, end) = (parsed.validity().not_before, parsed.validity().not_after);
    let message = if end.timestamp() < now {
        format!("{name} expired on {}", format_asn1_time(end))
    } else if begin.timestamp() > now {
        format!("{name} is not valid before {}", format_asn1_time(begin))
    } else if end.timestamp() < now + EXPIRES_SOON {
        format!("{name} expires on {}", format_asn1_time(end))
    } else {
        return None;
    };
    Some(warning(key, message, "renew it: clients reject it outside its validity period"))
}
