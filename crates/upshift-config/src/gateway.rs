//! `[gateway]`: the listeners, the trusted proxies and what holds for the whole gateway.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use upshift_core::policy::{Case, Comparison};
use upshift_core::proxy::{Proxy, UndeclaredProxy};

use crate::access_log::AccessLog;
use crate::admin_token::AdminToken;
use crate::hsts::Hsts;
use crate::origin::{default_port, parse_origin};
use crate::proxy::read_proxies;
use crate::toml_table::TomlTable;
use crate::toml_value::TomlValue;

/// `[gateway]`: the listeners, the trusted proxies and what holds for the whole gateway.
///
/// [`Default`] has no listener and no store, as suits an embedder. What a file leaves out is filled
/// in with [`GatewaySettings::HTTP`], [`GatewaySettings::ADMIN`] and [`GatewaySettings::STORE`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GatewaySettings {
    /// The cleartext listener: HTTP/1.0, HTTP/1.1, and h2c by prior knowledge.
    pub http: Option<SocketAddr>,
    /// The TLS listener: h2 and http/1.1 by ALPN.
    pub https: Option<SocketAddr>,
    /// Serves HTTP/3 on the UDP port of `https`.
    pub http3: bool,
    /// The listener for metrics, health and the admin API.
    pub admin: Option<SocketAddr>,
    /// Scheme and authority of links in responses, without a final slash.
    pub public: Option<String>,
    /// Offers the obsolete `Upgrade: h2c` switch (RFC 7540 §3.2).
    pub h2c_upgrade: bool,
    /// Offers TLS on the cleartext port after 101 (RFC 2817).
    pub in_band_tls: bool,
    /// Allows `in_band_tls` together with `https` in spite of CVE-2025-49812.
    pub dangerous_allow_opossum: bool,
    /// The certificate; none: the gateway makes a self-signed one.
    pub tls: Option<TlsFiles>,
    /// The trusted proxies in front of the gateway.
    pub proxies: Vec<Proxy>,
    /// `Strict-Transport-Security`, sent over TLS only.
    pub hsts: Option<Hsts>,
    /// The record of exchanges.
    pub access_log: AccessLog,
    /// The token that the admin API requires.
    pub admin_token: Option<AdminToken>,
    /// The file of the embedded store; none: nothing is kept across restarts.
    pub store: Option<PathBuf>,
    /// The file does not set `store`. The program may choose another place if the folder of the
    /// policy file is not writable.
    pub store_is_usual: bool,
    /// The treatment of ambiguous paths.
    pub paths: PathMode,
    /// The comparison of paths with patterns.
    pub comparison: Comparison,
    /// The treatment of an undeclared private peer that sends `X-Forwarded-Proto`.
    pub undeclared_proxy: UndeclaredProxy,
    /// The reason for this version of the file, which policy revisions name.
    pub reason: Option<String>,
}

/// `paths`: the treatment of a path that upstreams may read in different ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PathMode {
    /// It is forwarded as it was sent, and the strictest verdict of all its readings counts.
    #[default]
    AsSent,
    /// It is forwarded in canonical form.
    Canonical,
    /// It is refused with 400.
    Strict,
}

/// `[gateway.tls]`: PEM files, relative to the policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl GatewaySettings {
    /// The cleartext listener of a file that names none.
    pub const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
    /// The admin listener of a file that names none.
    pub const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9426);
    /// The name of the store, beside the policy file.
    pub const STORE: &str = "upshift.db";

    /// The settings of a file without `[gateway]`.
    pub(crate) fn of_empty_file(folder: &Path) -> Self {
        Self {
            http: Some(Self::HTTP),
            admin: Some(Self::ADMIN),
            store: Some(folder.join(Self::STORE)),
            store_is_usual: true,
            ..Self::default()
        }
    }

    /// Reads `[gateway]`, except `upstream`; relative paths start at `folder`.
    pub(crate) fn from_toml(table: &mut TomlTable<'_>, folder: &Path) -> Self {
        let mut settings = Self::of_empty_file(folder);
        settings.read_listeners(table);
        settings.read_transitions(table);
        settings.read_admin(table, folder);
        settings.read_path_handling(table);
        if let Some(value) = table.get("public") {
            settings.public = read_public_origin(&value);
        }
        if let Some(value) = table.get("tls") {
            settings.tls = read_tls_files(&value, folder);
        }
        if let Some(value) = table.get("hsts") {
            settings.hsts = Hsts::from_toml(&value);
        }
        settings.proxies = read_proxies(table);
        const UNDECLARED: [(&str, UndeclaredProxy); 2] =
            [("unknown", UndeclaredProxy::Unknown), ("ignore", UndeclaredProxy::Ignore)];
        settings.undeclared_proxy =
            table.word_at("undeclared-proxy", "treatment", &UNDECLARED).unwrap_or_default();
        settings
    }

    fn read_listeners(&mut self, table: &mut TomlTable<'_>) {
        if let Some(value) = table.get("https") {
            self.https = value.read_listener();
        }
        match table.get("http") {
            Some(value) => self.http = value.read_listener(),
            // With TLS alone configured, no cleartext port is opened unasked.
            None if self.https.is_some() => self.http = None,
            None => {}
        }
        if let Some(value) = table.get("admin") {
            self.admin = value.read_listener();
        }
        self.http3 = table.flag_at("http3");
    }

    fn read_transitions(&mut self, table: &mut TomlTable<'_>) {
        self.h2c_upgrade = table.flag_at("h2c-upgrade");
        self.in_band_tls = table.flag_at("in-band-tls");
        self.dangerous_allow_opossum = table.flag_at("dangerous-allow-opossum");
    }

    fn read_admin(&mut self, table: &mut TomlTable<'_>, folder: &Path) {
        if let Some(value) = table.get("access-log") {
            self.access_log = AccessLog::from_toml(&value, folder).unwrap_or_default();
        }
        if let Some(value) = table.get("admin-token") {
            self.admin_token = AdminToken::from_toml(&value, folder);
        }
        if let Some(value) = table.get("reason") {
            self.reason = value.read_text().map(str::to_owned);
        }
        if let Some(value) = table.get("store") {
            // An explicit place is never replaced by another, not even if it cannot be written.
            self.store = if value.is_false() { None } else { value.read_path(folder) };
            self.store_is_usual = false;
        }
    }

    fn read_path_handling(&mut self, table: &mut TomlTable<'_>) {
        const MODES: [(&str, PathMode); 3] = [
            ("as-sent", PathMode::AsSent),
            ("canonical", PathMode::Canonical),
            ("strict", PathMode::Strict),
        ];
        const CASES: [(&str, Case); 2] = [("exact", Case::Exact), ("ignore", Case::Ignore)];
        const SLASHES: [(&str, bool); 2] = [("exact", false), ("ignore", true)];
        let comparison = &mut self.comparison;
        comparison.case = table.word_at("case", "comparison", &CASES).unwrap_or_default();
        let ignores_slash = table.word_at("trailing-slash", "comparison", &SLASHES);
        comparison.ignore_trailing_slash = ignores_slash.unwrap_or(false);
        self.paths = table.word_at("paths", "treatment of paths", &MODES).unwrap_or_default();
    }
}

fn read_tls_files(value: &TomlValue<'_>, folder: &Path) -> Option<TlsFiles> {
    let mut table = value.read_table("Tls")?;
    let certificate = table.require("certificate", "a PEM file with the chain");
    let key = table.require("key", "a PEM file with the private key");
    table.report_unknown_keys();
    // Both are read before either is missed, so that both errors show.
    let (certificate, key) = (certificate?.read_path(folder), key?.read_path(folder));
    Some(TlsFiles { certificate: certificate?, key: key? })
}

/// Reads an origin; a port that is the scheme's default is dropped.
fn read_public_origin(value: &TomlValue<'_>) -> Option<String> {
    let origin = value.parse_with("an origin such as \"https://api.example.com\"", parse_origin)?;
    let text = origin.to_string();
    // RFC 9110 §4.2.3: the normal form omits the default port.
    let default_port = format!(":{}", default_port(origin.tls));
    let without_port = text.strip_suffix(&default_port).unwrap_or(&text);
    Some(without_port.to_owned())
}

impl TomlValue<'_> {
    /// The address of a listener, or `false` for none.
    fn read_listener(&self) -> Option<SocketAddr> {
        if self.is_false() {
            return None;
        }
        let expected = "an address and a port such as \"127.0.0.1:8080\", or false";
        self.parse_with(expected, |text| match text.parse() {
            Ok(address) => Ok(address),
            Err(_) => Err(listener_hint(text)),
        })
    }
}

/// The label beside a listener address that cannot be parsed.
fn listener_hint(text: &str) -> String {
    match text.rsplit_once(':') {
        // Go writes `:8080`, and many programs `localhost:8080`. `SocketAddr` parses neither.
        Some(("", port)) => {
            format!("write 0.0.0.0:{port} for all addresses, 127.0.0.1:{port} for this machine")
        }
        Some(("localhost", port)) => format!("write 127.0.0.1:{port}"),
        Some(_) => "expected an IP address: names are not resolved here".to_owned(),
        None => "the port is missing".to_owned(),
    }
}
