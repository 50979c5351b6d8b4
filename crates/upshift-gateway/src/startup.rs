//! What keeps a gateway from starting, or will surprise once it runs: everything that the settings name is loaded.

use std::net::SocketAddr;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use upshift_config::{Address, KeyFinding, Severity, TlsFiles, Upstream};
use upshift_core::TlsVersion;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::settings::Settings;
use crate::tls::{self, Identity, Trust};

/// A certificate that ends within this time is reported, in seconds.
const SOON: i64 = 14 * 24 * 60 * 60;

/// Findings about `settings`, each with the key that it is about.
pub(crate) fn findings(settings: &Settings) -> Vec<KeyFinding> {
    let mut findings = Vec::new();
    findings.extend(of_listeners(settings));
    if settings.https.is_some() || settings.in_band_tls {
        findings.extend(settings.certificate.iter().flat_map(of_certificate));
    }
    if settings.upstreams.is_empty() {
        let help = "add upstream = \"http://127.0.0.1:3000\" to [gateway]";
        findings.push(error("gateway", "the file does not say where requests go", help));
    }
    for (index, upstream) in settings.upstreams.iter().enumerate() {
        findings.extend(of_upstream(upstream, index, settings));
    }
    findings.extend(settings.webhook.as_deref().and_then(of_webhook));
    findings.extend(settings.store.as_deref().and_then(of_store));
    findings
}

fn error(key: impl Into<String>, message: impl Into<String>, help: impl Into<String>) -> KeyFinding {
    KeyFinding { key: key.into(), severity: Severity::Error, message: message.into(), help: help.into() }
}

fn warning(key: impl Into<String>, message: impl Into<String>, help: impl Into<String>) -> KeyFinding {
    KeyFinding { severity: Severity::Warning, ..error(key, message, help) }
}

fn of_listeners(settings: &Settings) -> Option<KeyFinding> {
    if settings.http.is_none() && settings.https.is_none() {
        let help = "add http = \"127.0.0.1:8080\" to [gateway]";
        return Some(error("gateway", "there is nothing to listen on: neither http nor https is given", help));
    }
    let both = settings.in_band_tls && settings.https.is_some();
    (both && !settings.dangerous_allow_opossum).then(|| {
        error(
            "gateway.in-band-tls",
            "in-band TLS and https under one name let an attacker splice one into the other (CVE-2025-49812)",
            "leave one of them out, or set dangerous-allow-opossum = true",
        )
    })
}

/// The certificate and key that clients are shown.
fn of_certificate(files: &TlsFiles) -> Vec<KeyFinding> {
    let mut findings: Vec<_> = of_chain(&files.certificate, "gateway.tls.certificate").into_iter().collect();
    findings.extend(of_key(&files.key));
    if findings.iter().all(|finding| finding.severity == Severity::Warning)
        && let Err(cause) = Identity::read(files).and_then(|identity| tls::server(&identity, TlsVersion::V1_2))
    {
        let (certificate, key) = (files.certificate.display(), files.key.display());
        let message = format!("the certificate {certificate} and the key {key} cannot be used together: {cause}");
        findings.push(error("gateway.tls", message, "the key has to be the one that the certificate was made for"));
    }
    findings
}

/// A PEM file of certificates.
fn of_chain(path: &Path, key: &str) -> Option<KeyFinding> {
    let shown = path.display();
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(cause) => return Some(error(key, format!("{shown} cannot be read: {cause}"), "name a PEM file")),
    };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => {
            let help = "a PEM file has blocks that are named, such as BEGIN CERTIFICATE";
            Some(error(key, format!("{shown} has no certificate in it"), help))
        }
        Ok(found) => of_validity(&found[0], path, key),
        Err(cause) => Some(error(key, format!("{shown} is not a PEM file: {cause}"), "name a PEM file")),
    }
}

/// The time in which a certificate is valid (RFC 5280 §4.1.2.5).
fn of_validity(certificate: &CertificateDer<'_>, path: &Path, key: &str) -> Option<KeyFinding> {
    let shown = path.display();
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return Some(error(key, format!("the certificate in {shown} cannot be parsed"), "name an X.509 certificate"));
    };
    let now = upshift_core::Timestamp::now().as_second();
    let (begins, ends) = (parsed.validity().not_before, parsed.validity().not_after);
    let message = if ends.timestamp() < now {
        format!("the certificate in {shown} expired on {ends}")
    } else if begins.timestamp() > now {
        format!("the certificate in {shown} is not valid before {begins}")
    } else if ends.timestamp() < now + SOON {
        format!("the certificate in {shown} expires on {ends}")
    } else {
        return None;
    };
    Some(warning(key, message, "clients refuse it outside its time: renew it"))
}

/// The private key.
fn of_key(path: &Path) -> Option<KeyFinding> {
    const KEY: &str = "gateway.tls.key";
    let shown = path.display();
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(cause) => return Some(error(KEY, format!("{shown} cannot be read: {cause}"), "name a PEM file")),
    };
    if rustls::pki_types::PrivateKeyDer::from_pem_slice(&text).is_ok() {
        return None;
    }
    let text = String::from_utf8_lossy(&text);
    if text.contains("ENCRYPTED") {
        let help = "decrypt it: openssl pkey -in encrypted.pem -out key.pem";
        return Some(error(KEY, format!("the key in {shown} is encrypted"), help));
    }
    let help = "a PEM file has blocks that are named, such as BEGIN PRIVATE KEY";
    Some(error(KEY, format!("{shown} has no private key in it"), help))
}

fn of_upstream(upstream: &Upstream, index: usize, settings: &Settings) -> Vec<KeyFinding> {
    let mut findings = Vec::new();
    let key = format!("upstream.{index}");
    if let Trust::File(path) = Trust::of(upstream) {
        findings.extend(of_chain(path, &format!("{key}.ca")));
    }
    for endpoint in &upstream.endpoints {
        if is_own(&endpoint.address, settings) {
            let message = format!("{} is the gateway itself: requests would go round in circles", endpoint.address);
            findings.push(error(&key, message, "name the server behind the gateway"));
        }
    }
    findings
}

/// Tells whether an address is one that the gateway listens on.
fn is_own(address: &Address, settings: &Settings) -> bool {
    let Ok(ip) = address.host.parse::<std::net::IpAddr>() else { return false };
    let upstream = SocketAddr::new(ip, address.port);
    [settings.http, settings.https, settings.admin].into_iter().flatten().any(|own| {
        let everywhere = own.ip().is_unspecified() && ip.is_loopback();
        own.port() != 0 && own.port() == upstream.port() && (own.ip() == ip || everywhere)
    })
}

fn of_webhook(address: &str) -> Option<KeyFinding> {
    let cause = address.starts_with("https:").then(|| tls::client(&Trust::System).err())??;
    Some(error("breaker.webhook", cause.to_string(), "install the system's certificate roots, or set SSL_CERT_FILE"))
}

/// The folder of the store. The store itself is opened at the start only, for two processes cannot have it; and a gateway
/// starts without one.
fn of_store(path: &Path) -> Option<KeyFinding> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let message = if path.is_dir() {
        format!("the store {} is a folder", path.display())
    } else if !folder.is_dir() {
        format!("the store {} cannot be made: there is no folder {}", path.display(), folder.display())
    } else {
        return None;
    };
    let message = format!("{message}: changes by people and the breaker would be forgotten at a restart");
    Some(warning("gateway.store", message, "name a file in a folder that can be written to, or store = false"))
}
