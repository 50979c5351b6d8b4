//! The flags that say what is asked, and how.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use http::Method;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use upshift_lab::probe::{ProbeSettings, Target, check_own_field};
use upshift_record::Lane;

use crate::verb_error::VerbError;

/// The flags that say what is asked, and how.
#[derive(Debug, Args)]
pub(super) struct QuestionFlags {
    /// Ask these lanes only, and no further question: h1.0, h1.1, h2c-upgrade, h2c-prior, h2, h3,
    /// ws, tls1.2, tls1.3, tls-inband
    #[arg(long, value_name = "LANES", value_delimiter = ',')]
    lanes: Vec<Lane>,
    /// The method of the requests
    #[arg(short = 'X', long = "request", value_name = "METHOD", default_value = "GET")]
    method: Method,
    /// A header field; repeat it for more. One that may be a secret, such as Authorization, goes to
    /// the URL and to --tls-port only
    #[arg(
        short = 'H',
        long = "header",
        value_name = "NAME: VALUE",
        value_parser = parse_own_field
    )]
    fields: Vec<(String, String)>,
    /// The port of the TLS lanes of an http URL
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    tls_port: Option<u16>,
    /// The port of the cleartext lanes of an https URL
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    cleartext_port: Option<u16>,
    /// Send no request to see whether a promise is kept
    #[arg(long)]
    no_dial: bool,
    /// Dial URLs on other hosts as well, but no private address that a public server names
    #[arg(long, conflicts_with = "no_dial")]
    follow_hosts: bool,
    /// The time that each question may take
    #[arg(
        long, value_name = "DURATION", default_value = "2s",
        value_parser = upshift_config::parse_duration
    )]
    timeout: Duration,
    /// The time that a connection to one address may take
    #[arg(
        long, value_name = "DURATION", default_value = "1s",
        value_parser = upshift_config::parse_duration
    )]
    connect_timeout: Duration,
    /// Use this address for a host and port, as curl does; repeat it for more
    #[arg(long, value_name = "HOST:PORT:ADDRESS", value_parser = parse_resolve)]
    resolve: Vec<((String, u16), IpAddr)>,
    /// Compare certificates with those in this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
}

impl QuestionFlags {
    /// The settings of the probe.
    pub(super) fn to_settings(&self, url: &str) -> Result<ProbeSettings, VerbError> {
        let target = Target::parse(url).map_err(VerbError::usage)?;
        // A flag that would be ignored is a mistake about the URL.
        if target.is_tls && self.tls_port.is_some() {
            return Err(VerbError::usage("--tls-port is for http URLs; this one has a TLS port"));
        }
        if !target.is_tls && self.cleartext_port.is_some() {
            return Err(VerbError::usage(
                "--cleartext-port is for https URLs; this one has a cleartext port",
            ));
        }
        let mut settings = ProbeSettings::new(target);
        if !self.lanes.is_empty() {
            settings.lanes.clone_from(&self.lanes);
            settings.asks_extras = false;
        }
        settings.method = self.method.to_string();
        settings.fields.clone_from(&self.fields);
        settings.tls_port = self.tls_port;
        settings.cleartext_port = self.cleartext_port;
        settings.dials = !self.no_dial;
        settings.follows_hosts = self.follow_hosts;
        settings.timeout = self.timeout;
        settings.connect_timeout = self.connect_timeout;
        settings.resolve.extend(self.resolve.iter().cloned());
        settings.roots = Arc::new(load_roots(self.cacert.as_deref())?);
        Ok(settings)
    }
}

fn load_roots(file: Option<&Path>) -> Result<RootCertStore, VerbError> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        // Without any, the report says that there is nothing to compare with.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let unusable = |error: &dyn std::fmt::Display| {
        VerbError::usage(format_args!("cannot use {}: {error}", file.display()))
    };
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() {
        return Err(unusable(&"it contains no certificate"));
    }
    Ok(roots)
}

/// Parses a field line, but none of those that make a lane.
fn parse_own_field(text: &str) -> Result<(String, String), String> {
    let (name, value) = crate::arguments::parse_field_line(text)?;
    check_own_field(&name).map_err(|error| error.to_string())?;
    Ok((name, value))
}

/// Parses `HOST:PORT:ADDRESS`. The address may be in brackets, as an IPv6 address in a URL is.
fn parse_resolve(text: &str) -> Result<((String, u16), IpAddr), String> {
    let expected = || "expected HOST:PORT:ADDRESS, such as api.example:443:127.0.0.1".to_owned();
    let (host, rest) = text.split_once(':').ok_or_else(expected)?;
    let (port, address) = rest.split_once(':').ok_or_else(expected)?;
    let address = address.trim_start_matches('[').trim_end_matches(']');
    match (port.parse(), address.parse()) {
        (Ok(port), Ok(address)) => Ok(((host.to_ascii_lowercase(), port), address)),
        _ => Err(expected()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    #[test]
    fn addresses_are_read_as_curl_reads_them() {
        let address: IpAddr = "::1".parse().unwrap();
        let expected = (("a.example".to_owned(), 443), address);
        assert_eq!(parse_resolve("A.example:443:[::1]").unwrap(), expected);
        assert_eq!(parse_resolve("a.example:443:::1").unwrap(), expected);
        for wrong in ["a.example", "a.example:443", "a.example:x:::1", "a.example:443:b"] {
            assert!(parse_resolve(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_fields_of_a_lane_cannot_be_set() {
        assert!(parse_own_field("X-Api-Version: 1").is_ok());
        for field in ["Upgrade: h2c", "sec-websocket-key: x", "Content-Length: 3", ":path: /"] {
            assert!(parse_own_field(field).is_err(), "{field}");
        }
    }
}
