//! What keeps a gateway from starting, or will surprise once it runs: everything that the settings
//! name is loaded.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::Path;

use rustix::fs::{Access, access};
use rustls::pki_types::CertificateDer;
use upshift_adoption::store::Store;
use upshift_config::{Address, FileSettings, KeyDiagnostic, Severity, TlsFiles, Upstream};
use upshift_core::TlsVersion;
use upshift_core::policy::Matcher;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::settings::{Settings, takes_all};
use crate::tls::TlsError;
use crate::tls::client::{Trust, client_config};
use crate::tls::identity::{Identity, date};
use crate::tls::pem::{self, PemError};
use crate::tls::server::{key_fits_later_certificate, server_config};

/// A certificate that ends within this time is reported, in seconds.
const SOON: i64 = 14 * 24 * 60 * 60;

/// The key of the store.
const STORE: &str = "gateway.store";

/// Findings about `settings`, each with the key that it is about.
pub(crate) fn findings(settings: &Settings) -> Vec<KeyDiagnostic> {
    let mut findings = Vec::new();
    findings.extend(of_listeners(settings));
    let FileSettings { gateway, upstreams, webhook, .. } = &settings.file;
    if gateway.https.is_some() || gateway.in_band_tls {
        findings.extend(gateway.tls.iter().flat_map(of_certificate));
    }
    if upstreams.is_empty() {
        let help = "add upstream = \"http://127.0.0.1:3000\" to [gateway]";
        findings.push(error("gateway", "the file does not say where requests go", help));
    }
    for (index, upstream) in upstreams.iter().enumerate() {
        findings.extend(of_upstream(upstream, index, settings));
    }
    findings.extend(of_the_rest(upstreams).filter(|_| !upstreams.is_empty()));
    findings.extend(webhook.as_deref().and_then(of_webhook));
    findings.extend(gateway.store.as_deref().and_then(of_store));
    findings
}

fn error(
    key: impl Into<String>,
    message: impl Into<String>,
    help: impl Into<String>,
) -> KeyDiagnostic {
    KeyDiagnostic {
        key: key.into(),
        severity: Severity::Error,
        message: message.into(),
        help: help.into(),
    }
}

fn warning(
    key: impl Into<String>,
    message: impl Into<String>,
    help: impl Into<String>,
) -> KeyDiagnostic {
    KeyDiagnostic { severity: Severity::Warning, ..error(key, message, help) }
}

fn of_listeners(settings: &Settings) -> Option<KeyDiagnostic> {
    let gateway = &settings.file.gateway;
    if gateway.http.is_none() && gateway.https.is_none() {
        let help = "add http = \"127.0.0.1:8080\" to [gateway]";
        return Some(error(
            "gateway",
            "there is nothing to listen on: neither http nor https is given",
            help,
        ));
    }
    let both = gateway.in_band_tls && gateway.https.is_some();
    (both && !gateway.dangerous_allow_opossum).then(|| {
        error(
            "gateway.in-band-tls",
            "in-band TLS and https under one name let an attacker splice one into the other (CVE-2025-49812)",
            "leave one of them out, or set dangerous-allow-opossum = true",
        )
    })
}

/// The certificate and key that clients are shown.
fn of_certificate(files: &TlsFiles) -> Vec<KeyDiagnostic> {
    let mut findings = of_chain(&files.certificate, "gateway.tls.certificate");
    findings.extend(
        pem::read_private_key(&files.key)
            .err()
            .map(|cause| of_pem(&files.key, "gateway.tls.key", &cause)),
    );
    if findings.iter().all(|finding| finding.severity == Severity::Warning)
        && let Ok(identity) = Identity::read(files)
        && let Err(cause) = server_config(&identity, TlsVersion::V1_2)
    {
        findings.push(of_pair(files, &identity, &cause));
    }
    findings
}

/// A certificate and a key that are each in order.
fn of_pair(files: &TlsFiles, identity: &Identity, cause: &TlsError) -> KeyDiagnostic {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let (cause, help) = match cause {
        TlsError::KeyMismatch(_) if key_fits_later_certificate(identity) => (
            "the key belongs to a certificate that is not the first of the file".to_owned(),
            "the server's own certificate must come first, and those who signed it after it",
        ),
        TlsError::KeyMismatch(_) => (
            "the key belongs to another certificate".to_owned(),
            "the key has to be the one that the certificate was made for",
        ),
        TlsError::UnsupportedKey(_) => (
            "keys of this kind or size are not supported".to_owned(),
            "use RSA with 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, or Ed25519",
        ),
        other => (other.to_string(), "the key has to be the one that the certificate was made for"),
    };
    error(
        "gateway.tls",
        format!("the certificate {certificate} and the key {key} cannot be used together: {cause}"),
        help,
    )
}

/// A PEM file of certificates.
fn of_chain(path: &Path, key: &str) -> Vec<KeyDiagnostic> {
    match pem::read_certificates(path) {
        Ok(found) => found
            .iter()
            .enumerate()
            .filter_map(|(index, one)| of_validity(one, index, path, key))
            .collect(),
        Err(cause) => vec![of_pem(path, key, &cause)],
    }
}

fn of_pem(path: &Path, key: &str, cause: &PemError) -> KeyDiagnostic {
    error(key, format!("{} {cause}", path.display()), cause.help_text(path))
}

/// The time in which a certificate is valid (RFC 5280 §4.1.2.5); `index` is its place in the file.
fn of_validity(
    certificate: &CertificateDer<'_>,
    index: usize,
    path: &Path,
    key: &str,
) -> Option<KeyDiagnostic> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let shown = match index {
        0 => format!("the certificate in {}", path.display()),
        _ => format!("certificate number {} in {}", index + 1, path.display()),
    };
    let now = upshift_core::Timestamp::now().as_second();
    let (begins, ends) = (parsed.validity().not_before, parsed.validity().not_after);
    let message = if ends.timestamp() < now {
        format!("{shown} expired on {}", date(ends))
    } else if begins.timestamp() > now {
        format!("{shown} is not valid before {}", date(begins))
    } else if ends.timestamp() < now + SOON {
        format!("{shown} expires on {}", date(ends))
    } else {
        return None;
    };
    Some(warning(key, message, "clients refuse it outside its time: renew it"))
}

fn of_upstream(upstream: &Upstream, index: usize, settings: &Settings) -> Vec<KeyDiagnostic> {
    let mut findings = Vec::new();
    let key = format!("upstream.{index}");
    if let Trust::File(path) = Trust::of(upstream) {
        findings.extend(of_chain(path, &format!("{key}.ca")));
    }
    for endpoint in &upstream.endpoints {
        if is_own(&endpoint.address, settings) {
            let message = format!(
                "{} is the gateway itself: requests would go round in circles",
                endpoint.address
            );
            findings.push(error(&key, message, "name the server behind the gateway"));
        }
    }
    findings
}

/// Tells whether an address is one that the gateway listens on, however it is written.
fn is_own(address: &Address, settings: &Settings) -> bool {
    let leads_to = addresses(&address.host);
    let gateway = &settings.file.gateway;
    [gateway.http, gateway.https, gateway.admin].into_iter().flatten().any(|own| {
        let listens = own.ip().to_canonical();
        own.port() == address.port && leads_to.iter().any(|ip| reaches(*ip, listens))
    })
}

/// The addresses that a host surely has. Other names are not looked up: they may mean something
/// else tomorrow.
fn addresses(host: &str) -> Vec<IpAddr> {
    // RFC 6761 §6.3: these names are always loopback.
    if host == "localhost" || host.ends_with(".localhost") {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    // To connect to an unspecified address is to connect to this machine.
    match host.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V4(ip)) if ip.is_unspecified() => vec![Ipv4Addr::LOCALHOST.into()],
        Ok(IpAddr::V6(ip)) if ip.is_unspecified() => vec![Ipv6Addr::LOCALHOST.into()],
        Ok(ip) => vec![ip],
        Err(_) => Vec::new(),
    }
}

/// Tells whether a connection to `ip` comes to a listener on `listens`.
fn reaches(ip: IpAddr, listens: IpAddr) -> bool {
    // A listener on [::] takes IPv4 as well.
    let everywhere = listens.is_unspecified() && (listens.is_ipv6() || ip.is_ipv4());
    // Only an address of this machine can be bound.
    ip == listens || (everywhere && (ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()))
}

fn of_webhook(address: &str) -> Option<KeyDiagnostic> {
    let cause = address.starts_with("https:").then(|| client_config(&Trust::System).err())??;
    Some(error(
        "breaker.webhook",
        cause.to_string(),
        "install the system's certificate roots, or set SSL_CERT_FILE",
    ))
}

/// The store, as far as it can be judged beside a gateway that has it open. A gateway starts
/// without one that cannot be made, but not without one that is there and cannot be read.
fn of_store(path: &Path) -> Option<KeyDiagnostic> {
    if let Err(cause) = Store::check_file(path) {
        let help = "name a file that upshift has made, or one that is not there yet; with store = false, a restart forgets";
        return Some(error(STORE, cause.to_string(), help));
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if folder.is_dir() {
        return unwritable(path, folder);
    }
    let (path, folder) = (path.display(), folder.display());
    let message = format!("the store {path} cannot be made: there is no folder {folder}");
    let message =
        format!("{message}: changes by people and the breaker would be forgotten at a restart");
    Some(warning(
        STORE,
        message,
        "name a file in a folder that can be written to, or store = false",
    ))
}

/// The file of a store, its lock or its folder, if a gateway cannot write there.
fn unwritable(path: &Path, folder: &Path) -> Option<KeyDiagnostic> {
    let mut lock = path.as_os_str().to_owned();
    lock.push("-lock");
    let lock = Path::new(&lock);
    let mut written = vec![path, lock];
    written.retain(|file| file.exists());
    if written.len() < 2 {
        written.push(folder);
    }
    for file in written {
        if let Err(cause) = access(file, Access::WRITE_OK) {
            let (store, file) = (path.display(), file.display());
            let message = format!("the store {store} cannot be written: {file}: {cause}");
            let message = format!(
                "{message}: changes by people and the breaker would be forgotten at a restart"
            );
            return Some(warning(
                STORE,
                message,
                "let the gateway's user write there, or name another file",
            ));
        }
    }
    None
}

/// The requests that no upstream takes.
fn of_the_rest(upstreams: &[Upstream]) -> Option<KeyDiagnostic> {
    for upstream in upstreams {
        if takes_all(upstream) || takes_all_paths(upstream) {
            return None;
        }
    }
    let help = "add upstream = \"http://127.0.0.1:3000\" to [gateway] if they should go somewhere";
    Some(warning("upstream", "a request that no [[upstream]] matches is answered 503", help))
}

/// Tells whether it takes every request by a pattern that matches all paths.
fn takes_all_paths(upstream: &Upstream) -> bool {
    let Matcher { hosts, paths, methods, headers, peers, clients, identities } = &upstream.matcher;
    let all_paths =
        paths.exclude.is_empty() && paths.include.iter().any(|pattern| pattern.text() == "/**");
    let unlimited = hosts.is_empty() && methods.is_empty() && headers.is_empty();
    all_paths && unlimited && peers.is_empty() && clients.is_empty() && identities.is_empty()
}
