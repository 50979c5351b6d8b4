//! `[gateway]` and `[limits]`.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use toml::de::DeValue;
use upshift_core::policy::{Case, Comparison};

use crate::document::{Item, Section};
use crate::settings::{
    AccessLog, Address, AdminToken, GatewaySettings, Hsts, Limits, PathMode, TlsFiles,
    UndeclaredProxy,
};

/// Reads `[gateway]`, except `upstream`; paths are relative to `folder`.
pub(crate) fn gateway(section: &mut Section<'_>, folder: &Path) -> GatewaySettings {
    let https = section.get("https").and_then(|item| item.listener());
    let http = match section.get("http") {
        Some(item) => item.listener(),
        None if https.is_some() => None,
        None => Some(GatewaySettings::HTTP),
    };
    let gateway = GatewaySettings {
        http,
        https,
        http3: flag(section, "http3"),
        admin: section.get("admin").map_or(Some(GatewaySettings::ADMIN), |item| item.listener()),
        public: section.get("public").and_then(|item| public(&item)),
        h2c_upgrade: flag(section, "h2c-upgrade"),
        in_band_tls: flag(section, "in-band-tls"),
        dangerous_allow_opossum: flag(section, "dangerous-allow-opossum"),
        tls: section.get("tls").and_then(|item| tls(&item, folder)),
        proxies: crate::proxy::proxies(section),
        hsts: section.get("hsts").and_then(|item| hsts(&item)),
        access_log: access_log(section),
        admin_token: section.get("admin-token").and_then(|item| admin_token(&item, folder)),
        store: match section.get("store") {
            None => Some(folder.join(GatewaySettings::STORE)),
            Some(item) if matches!(item.value(), DeValue::Boolean(false)) => None,
            Some(item) => item.path(folder),
        },
        store_is_usual: !section.has("store"),
        paths: path_mode(section),
        comparison: comparison(section),
        undeclared_proxy: undeclared_proxy(section),
    };
    contradictions(section, &gateway);
    gateway
}

/// The settings of a file without `[gateway]`.
pub(crate) fn defaults(folder: &Path) -> GatewaySettings {
    GatewaySettings {
        http: Some(GatewaySettings::HTTP),
        admin: Some(GatewaySettings::ADMIN),
        store: Some(folder.join(GatewaySettings::STORE)),
        store_is_usual: true,
        ..GatewaySettings::default()
    }
}

/// What cannot stand together.
fn contradictions(section: &Section<'_>, gateway: &GatewaySettings) {
    let error = |key: &str, message: &str| {
        crate::diagnostic::Finding::error(section.key_span(key), message)
    };
    if gateway.http3 && gateway.https.is_none() {
        let finding =
            error("http3", "HTTP/3 needs `https`").label("it runs on the UDP port of `https`");
        section.out.report(finding.help("add https = \"127.0.0.1:8443\""));
    }
    // Opossum, CVE-2025-49812: the same name served in both ways lets an attacker splice two
    // connections.
    if gateway.in_band_tls && gateway.https.is_some() && !gateway.dangerous_allow_opossum {
        let finding = error(
            "in-band-tls",
            "`in-band-tls` beside `https` invites the Opossum attack (CVE-2025-49812)",
        );
        let finding = finding.label("an attacker can splice the two");
        section
            .out
            .report(finding.help("remove one of them, or write dangerous-allow-opossum = true"));
    }
    if let Some(admin) = gateway.admin
        && !admin.ip().is_loopback()
        && gateway.admin_token.is_none()
    {
        let finding = error("admin", "an admin listener that others can reach needs `admin-token`");
        let finding = finding.label(format!("{} is not a loopback address", admin.ip()));
        section.out.report(
            finding.help("add admin-token = \"env:UPSHIFT_TOKEN\", or listen on 127.0.0.1"),
        );
    }
    let listeners = [("http", gateway.http), ("https", gateway.https), ("admin", gateway.admin)];
    for (index, (key, address)) in listeners.iter().enumerate() {
        let taken = address.filter(|address| address.port() != 0);
        if let Some((first, _)) =
            listeners[..index].iter().find(|(_, other)| taken.is_some() && *other == taken)
        {
            section.out.report(
                error(key, "two listeners on one address")
                    .label(format!("`{first}` is there already")),
            );
        }
    }
}

/// Reads `[limits]`.
pub(crate) fn limits(section: &mut Section<'_>) -> Limits {
    let default = Limits::default();
    let time = |section: &mut Section<'_>, key, default: Duration| -> Duration {
        section.get(key).and_then(|item| item.duration()).unwrap_or(default)
    };
    let upstream_response = time(section, "upstream-response", default.upstream_response);
    Limits {
        header_bytes: section
            .get("header-bytes")
            .and_then(|item| header_bytes(&item))
            .unwrap_or(default.header_bytes),
        header_timeout: time(section, "header-timeout", default.header_timeout),
        idle: time(section, "idle", default.idle),
        connections: section
            .get("connections")
            .and_then(|item| item.integer(1..=10_000_000))
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(default.connections),
        lame_duck: section
            .get("lame-duck")
            .and_then(|item| item.duration_or_zero())
            .unwrap_or(default.lame_duck),
        drain: time(section, "drain", default.drain),
        discard_bytes: section
            .get("discard-bytes")
            .and_then(|item| item.bytes())
            .unwrap_or(default.discard_bytes),
        discard_timeout: time(section, "discard-timeout", default.discard_timeout),
        tunnel_idle: time(section, "tunnel-idle", default.tunnel_idle),
        upstream_connect: time(section, "upstream-connect", default.upstream_connect),
        upstream_response,
        upstream_silence: time(section, "upstream-silence", upstream_response),
        upstream_idle: time(section, "upstream-idle", default.upstream_idle),
    }
}

fn header_bytes(item: &Item<'_>) -> Option<usize> {
    let bytes = item.bytes()?;
    if !(1024..=16 * 1024 * 1024).contains(&bytes) {
        item.wrong("`header-bytes` is out of range", "expected from 1 KiB to 16 MiB");
        return None;
    }
    usize::try_from(bytes).ok()
}

/// A key that is `true` or `false`; left out, it is `false`.
pub(crate) fn flag(section: &mut Section<'_>, key: &'static str) -> bool {
    section.get(key).and_then(|item| item.bool()).unwrap_or(false)
}

fn tls(item: &Item<'_>, folder: &Path) -> Option<TlsFiles> {
    let mut section = item.section("Tls")?;
    let certificate = section
        .required("certificate", "a PEM file with the chain")
        .and_then(|item| item.path(folder));
    let key = section
        .required("key", "a PEM file with the private key")
        .and_then(|item| item.path(folder));
    section.close();
    Some(TlsFiles { certificate: certificate?, key: key? })
}

fn hsts(item: &Item<'_>) -> Option<Hsts> {
    match item.value() {
        DeValue::Boolean(false) => None,
        DeValue::String(_) => {
            Some(Hsts { max_age: item.duration()?, include_subdomains: false, preload: false })
        }
        DeValue::Table(_) => {
            let mut section = item.section("Hsts")?;
            let max_age = section
                .required("max-age", "how long, such as \"365d\"")
                .and_then(|item| item.duration());
            let include_subdomains = flag(&mut section, "include-subdomains");
            let preload = flag(&mut section, "preload");
            section.close();
            Some(Hsts { max_age: max_age?, include_subdomains, preload })
        }
        _ => item.unexpected("a duration such as \"365d\", a table, or false"),
    }
}

fn access_log(section: &mut Section<'_>) -> AccessLog {
    const WORDS: [(&str, AccessLog); 3] =
        [("off", AccessLog::Off), ("refused", AccessLog::Refused), ("all", AccessLog::All)];
    section
        .get("access-log")
        .and_then(|item| item.word("kind of access log", &WORDS))
        .unwrap_or_default()
}

fn path_mode(section: &mut Section<'_>) -> PathMode {
    const WORDS: [(&str, PathMode); 3] = [
        ("as-sent", PathMode::AsSent),
        ("canonical", PathMode::Canonical),
        ("strict", PathMode::Strict),
    ];
    section
        .get("paths")
        .and_then(|item| item.word("treatment of paths", &WORDS))
        .unwrap_or_default()
}

fn comparison(section: &mut Section<'_>) -> Comparison {
    const CASES: [(&str, Case); 2] = [("exact", Case::Exact), ("ignore", Case::Ignore)];
    const SLASHES: [(&str, bool); 2] = [("exact", false), ("ignore", true)];
    let case = section.get("case").and_then(|item| item.word("comparison", &CASES));
    let slash = section.get("trailing-slash").and_then(|item| item.word("comparison", &SLASHES));
    Comparison { case: case.unwrap_or_default(), ignore_trailing_slash: slash.unwrap_or_default() }
}

fn undeclared_proxy(section: &mut Section<'_>) -> UndeclaredProxy {
    const WORDS: [(&str, UndeclaredProxy); 2] =
        [("unknown", UndeclaredProxy::Unknown), ("ignore", UndeclaredProxy::Ignore)];
    section
        .get("undeclared-proxy")
        .and_then(|item| item.word("treatment", &WORDS))
        .unwrap_or_default()
}

fn admin_token(item: &Item<'_>, folder: &Path) -> Option<AdminToken> {
    let text = item.text()?;
    if matches!(text, "env:" | "file:") {
        item.wrong("`admin-token` names nothing", "expected env:NAME or file:PATH");
        return None;
    }
    if let Some(name) = text.strip_prefix("env:") {
        return Some(AdminToken::Environment(name.to_owned()));
    }
    if let Some(path) = text.strip_prefix("file:") {
        return Some(AdminToken::File(folder.join(path)));
    }
    if text.chars().count() < AdminToken::SHORTEST {
        let finding = item
            .error("this token is too short to be safe")
            .label("expected at least 16 characters");
        item.report(
            finding.help("better still: admin-token = \"env:UPSHIFT_TOKEN\" or \"file:token.txt\""),
        );
        return None;
    }
    Some(AdminToken::Text(text.to_owned()))
}

fn public(item: &Item<'_>) -> Option<String> {
    item.parsed("an origin such as \"https://api.example.com\"", |text| {
        let address = parse_origin(text)?;
        let standard = if address.tls { 443 } else { 80 };
        let shown = address.to_string();
        Ok(shown.strip_suffix(&format!(":{standard}")).map_or(shown.clone(), str::to_owned))
    })
}

/// Reads `http://host[:port]` or `https://host[:port]`, with at most a `/` behind it.
pub(crate) fn parse_origin(text: &str) -> Result<Address, String> {
    let (tls, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
        (Some(rest), _) => (false, rest),
        (_, Some(rest)) => (true, rest),
        _ => return Err("it starts with http:// or https://".to_owned()),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#', '@', ' ']) {
        return Err("only a scheme, a host and a port stand here".to_owned());
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = match port {
        None => {
            if tls {
                443
            } else {
                80
            }
        }
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or("the port is a number from 1 to 65535")?,
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let valid = match bare {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        }
    };
    if !valid {
        return Err(
            "the host is a name, an IPv4 address, or an IPv6 address in brackets".to_owned()
        );
    }
    Ok(Address { tls, host: bare.unwrap_or(host).to_ascii_lowercase(), port })
}

/// Reads a network, or one address.
pub(crate) fn parse_network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().map(IpNet::from).ok())
}

impl Item<'_> {
    /// An address to listen on, or `false` for none.
    fn listener(&self) -> Option<SocketAddr> {
        if matches!(self.value(), DeValue::Boolean(false)) {
            return None;
        }
        self.parsed("an address and a port such as \"127.0.0.1:8080\", or false", |text| {
            let hint = match text.rsplit_once(':') {
                Some(("", port)) => {
                    format!(
                        "write 0.0.0.0:{port} for all addresses, 127.0.0.1:{port} for this machine"
                    )
                }
                Some(("localhost", port)) => format!("write 127.0.0.1:{port}"),
                Some(_) => "names are not looked up here: write the address".to_owned(),
                None => "the port is missing".to_owned(),
            };
            text.parse().map_err(|_| hint)
        })
    }

    /// A network such as `10.0.0.0/8`, or one address.
    pub(crate) fn network(&self) -> Option<IpNet> {
        self.parsed("a network such as \"10.0.0.0/8\"", |text| {
            parse_network(text).ok_or("expected an address, with or without /length".to_owned())
        })
    }

    /// A file's path; a relative one starts at `folder`.
    fn path(&self, folder: &Path) -> Option<PathBuf> {
        Some(folder.join(self.text()?))
    }

    /// The name of a field, in lower case.
    pub(crate) fn field_name(&self) -> Option<String> {
        self.parsed("a field name such as \"X-Forwarded-For\"", |text| {
            match upshift_core::field::is_token(text) {
                true => Ok(text.to_ascii_lowercase()),
                false => Err("letters, digits and - only".to_owned()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_and_written() {
        let shown = |text| parse_origin(text).map(|address| address.to_string());
        assert_eq!(shown("http://127.0.0.1:3000").as_deref(), Ok("http://127.0.0.1:3000"));
        assert_eq!(shown("https://Example.com/").as_deref(), Ok("https://example.com:443"));
        assert_eq!(shown("http://[::1]:80").as_deref(), Ok("http://[::1]:80"));
        for wrong in [
            "localhost:80",
            "http://",
            "http://a/b",
            "http://a:0",
            "http://a:b",
            "http://u@a",
            "http://::1",
        ] {
            assert!(parse_origin(wrong).is_err(), "{wrong}");
        }
    }
}
