//! One generation of what the gateway serves: everything that one configuration and one effective
//! policy make. It is built whole and swapped whole, so that no request sees half of a change.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderValue;
use rustls::{ClientConfig, ServerConfig};
use upshift_adoption::canary::RecordedFields;
use upshift_core::policy::RequirementInputs;
use upshift_core::{Policy, TlsVersion};

use crate::quic::quic_config;
use crate::settings::{Settings, strict_transport_security};
use crate::telemetry::plan::TelemetryPlan;
use crate::tls::TlsError;
use crate::tls::client::{TrustAnchors, client_config};
use crate::tls::identity::{Identity, LoadedFiles, read_chain};
use crate::tls::server::{InBandTls, server_config};
use crate::upstream::UpstreamHealth;

/// One configuration under one effective policy.
#[derive(Clone)]
pub(crate) struct Generation {
    /// The configuration.
    pub(crate) settings: Arc<Settings>,
    /// The effective policy: that of the settings, with the overrides in force.
    pub(crate) policy: Arc<Policy>,
    /// The fields that the canary keeps of a request.
    pub(crate) recorded: RecordedFields,
    /// The parts of requests that the requirements read, for the access record.
    pub(crate) requirement_inputs: Arc<RequirementInputs>,
    /// The contents of the files that the settings name.
    pub(crate) files: Arc<LoadedFiles>,
    /// TLS on the listener for `https`, if there is one.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// TLS on the cleartext listener after a `101`, if it is configured.
    pub(crate) in_band_tls: Option<InBandTls>,
    /// QUIC on the UDP port of `https`, if it is configured.
    pub(crate) quic: Option<Arc<quinn::ServerConfig>>,
    /// The value of `Strict-Transport-Security`.
    pub(crate) hsts: Option<HeaderValue>,
    /// TLS towards each upstream.
    pub(crate) upstream_tls: Vec<Arc<ClientConfig>>,
    /// The health of each upstream.
    pub(crate) upstream_health: Vec<Arc<UpstreamHealth>>,
    /// TLS towards the webhook.
    pub(crate) webhook_tls: Arc<ClientConfig>,
    /// Traces and exports.
    pub(crate) telemetry: Arc<TelemetryPlan>,
    /// TLS towards the receivers of exports.
    pub(crate) telemetry_tls: Arc<ClientConfig>,
}

impl Generation {
    /// Builds what serves `settings` under the effective `policy`. Endpoints that `previous` has
    /// keep their health, and a certificate that was made for it is kept.
    ///
    /// # Errors
    /// If a file cannot be read, or a certificate cannot be used.
    pub(crate) fn build(
        settings: Settings,
        policy: Arc<Policy>,
        previous: Option<&Self>,
    ) -> Result<Self, TlsError> {
        let files = Arc::new(load_files(&settings, previous)?);
        let (mut tls, mut in_band_tls) = (None, None);
        if let Some(identity) = &files.identity {
            if settings.file.gateway.https.is_some() {
                tls = Some(Arc::new(server_config(identity, TlsVersion::V1_2)?));
            }
            if settings.file.gateway.http.is_some() && settings.file.gateway.in_band_tls {
                in_band_tls = Some(InBandTls::new(identity)?);
            }
        }
        let quic = match &tls {
            Some(tls) if settings.file.gateway.http3 => {
                Some(quic_config(tls, &settings.file.limits)?)
            }
            _ => None,
        };
        let hsts = hsts_value(&settings);
        let telemetry = plan_telemetry(&settings, previous);
        let known = previous.map(|previous| previous.upstream_health.as_slice());
        Ok(Self {
            tls,
            in_band_tls,
            quic,
            hsts,
            upstream_tls: upstream_tls(&settings)?,
            upstream_health: UpstreamHealth::for_upstreams(
                &settings.file.upstreams,
                known.unwrap_or_default(),
            ),
            webhook_tls: system_tls(settings.file.webhook.as_deref())?,
            telemetry_tls: system_tls(telemetry.https_url())?,
            telemetry: Arc::new(telemetry),
            recorded: RecordedFields::of_policy(&settings.file.policy),
            requirement_inputs: Arc::new(RequirementInputs::of_policy(&settings.file.policy)),
            settings: Arc::new(settings),
            policy,
            files,
        })
    }

    /// The same configuration under another effective policy.
    pub(crate) fn under_policy(&self, policy: Arc<Policy>) -> Self {
        Self { policy, ..self.clone() }
    }
}

fn hsts_value(settings: &Settings) -> Option<HeaderValue> {
    let hsts = settings.file.gateway.hsts.as_ref()?;
    HeaderValue::try_from(strict_transport_security(hsts)).ok()
}

fn upstream_tls(settings: &Settings) -> Result<Vec<Arc<ClientConfig>>, TlsError> {
    let mut configs = Vec::new();
    for upstream in &settings.file.upstreams {
        configs.push(Arc::new(client_config(&TrustAnchors::for_upstream(upstream))?));
    }
    Ok(configs)
}

/// TLS towards a server that the system's certificate roots vouch for, if `url` needs any.
pub(crate) fn system_tls(url: Option<&str>) -> Result<Arc<ClientConfig>, TlsError> {
    let trust = match url {
        Some(url) if url.starts_with("https:") => TrustAnchors::System,
        _ => TrustAnchors::None,
    };
    client_config(&trust).map(Arc::new)
}

/// The plan of the settings. Faults of variables are logged once, and not again by each reload.
fn plan_telemetry(settings: &Settings, previous: Option<&Generation>) -> TelemetryPlan {
    let mut plan = TelemetryPlan::new(&settings.file.telemetry, &settings.telemetry_variables);
    if cfg!(not(feature = "otlp")) {
        plan.give_up_exports();
    }
    let known = previous.map(|previous| previous.telemetry.faults.as_slice());
    for fault in &plan.faults {
        if !known.unwrap_or_default().contains(fault) {
            tracing::warn!("the environment variable is ignored: {fault}");
        }
    }
    plan
}

/// Reads the files that `settings` name. A certificate that was made before is kept: clients may
/// have come to trust it.
fn load_files(settings: &Settings, previous: Option<&Generation>) -> Result<LoadedFiles, TlsError> {
    let mut authorities = BTreeMap::new();
    for upstream in &settings.file.upstreams {
        if let TrustAnchors::File(path) = TrustAnchors::for_upstream(upstream) {
            authorities.insert(path.to_owned(), read_chain(path)?);
        }
    }
    Ok(LoadedFiles { identity: load_identity(settings, previous)?, authorities })
}

fn load_identity(
    settings: &Settings,
    previous: Option<&Generation>,
) -> Result<Option<Arc<Identity>>, TlsError> {
    // In band, TLS has the address of the cleartext listener.
    let gateway = &settings.file.gateway;
    let in_band = gateway.http.filter(|_| gateway.in_band_tls);
    let listeners: Vec<SocketAddr> = gateway.https.into_iter().chain(in_band).collect();
    if listeners.is_empty() {
        return Ok(None);
    }
    if let Some(files) = &gateway.tls {
        return Ok(Some(Arc::new(Identity::read(files)?)));
    }
    let made = previous.and_then(|previous| previous.files.identity.as_ref());
    if let Some(made) = made
        && made.is_self_signed()
    {
        return Ok(Some(Arc::clone(made)));
    }
    tracing::warn!("no certificate is configured: clients are shown a self-signed one");
    let mut names = vec!["localhost".to_owned()];
    names.extend(listeners.iter().map(|address| address.ip().to_string()));
    names.dedup();
    Ok(Some(Arc::new(Identity::self_signed(&names)?)))
}
