//! The metrics of certificates.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::identity::LoadedFiles;
use crate::settings::Settings;
use crate::telemetry::families::{FamilyHead, FamilyWriter};

/// The end of the validity of the certificate that clients are shown.
#[derive(Debug)]
pub(crate) struct CertificateMetrics {
    /// The file and the time; `None` without a TLS listener, or for a file that is not X.509.
    certificate: Option<(String, i64)>,
}

impl CertificateMetrics {
    /// Reads it from the loaded `files`.
    pub(crate) fn read(settings: &Settings, files: &LoadedFiles) -> Self {
        let Some(end) = files.identity.as_ref().and_then(|identity| identity.expiry()) else {
            return Self { certificate: None };
        };
        let name = match &settings.file.gateway.tls {
            Some(tls) => tls.certificate.display().to_string(),
            None => "self-signed".to_owned(),
        };
        Self { certificate: Some((name, end)) }
    }

    /// The name of the certificate and the end of its validity in seconds since 1970.
    pub(crate) fn expiry(&self) -> Option<(&str, i64)> {
        let (name, end) = self.certificate.as_ref()?;
        Some((name, *end))
    }
}

impl Collector for CertificateMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let head = FamilyHead::new(
            "certificate_expiry_timestamp",
            "The end of the validity of a certificate that clients are shown, by file",
        );
        let mut series = Vec::new();
        if let Some((name, end)) = &self.certificate {
            series.push(([("certificate", name.as_str())], *end as f64));
        }
        FamilyWriter::new(encoder).write_gauges(&head.with_unit(Unit::Seconds), series)
    }
}
