//! `[[gateway.proxy]]`: trusted proxies in front of the gateway, and the fields in which they
//! report what they saw.

use upshift_core::proxy::{Proxy, ProxyReads};

use crate::spelling::join_names;
use crate::toml_table::TomlTable;
use crate::toml_value::TomlValue;

/// The facts that a field can report, as `reads` names them.
const FACTS: [&str; 4] = ["scheme", "peer", "tls", "http"];

/// Well-known fields, and the facts that each of them reports. Any other field may report any fact.
const KNOWN_FIELDS: [(&str, &[&str]); 37] = [
    ("forwarded", &["scheme", "peer"]),
    ("x-forwarded-proto", &["scheme"]),
    ("x-forwarded-protocol", &["scheme"]),
    ("x-forwarded-scheme", &["scheme"]),
    ("x-forwarded-ssl", &["scheme"]),
    ("x-forwarded-port", &["scheme"]),
    ("x-scheme", &["scheme"]),
    ("x-url-scheme", &["scheme"]),
    ("front-end-https", &["scheme"]),
    ("fastly-ssl", &["scheme"]),
    ("cf-visitor", &["scheme"]),
    ("cloudfront-forwarded-proto", &["scheme"]),
    ("x-forwarded-for", &["peer"]),
    ("x-original-forwarded-for", &["peer"]),
    ("x-real-ip", &["peer"]),
    ("x-client-ip", &["peer"]),
    ("x-cluster-client-ip", &["peer"]),
    ("x-envoy-external-address", &["peer"]),
    ("x-azure-clientip", &["peer"]),
    ("true-client-ip", &["peer"]),
    ("cf-connecting-ip", &["peer"]),
    ("fastly-client-ip", &["peer"]),
    ("fly-client-ip", &["peer"]),
    ("cloudfront-viewer-address", &["peer"]),
    ("x-amzn-tls-version", &["tls"]),
    ("cloudfront-viewer-tls", &["tls"]),
    ("cloudfront-viewer-http-version", &["http"]),
    ("via", &["http"]),
    ("host", &[]),
    ("user-agent", &[]),
    ("x-arr-ssl", &[]),
    ("x-forwarded-host", &[]),
    ("x-forwarded-prefix", &[]),
    ("x-forwarded-server", &[]),
    ("x-forwarded-client-cert", &[]),
    ("x-amzn-tls-cipher-suite", &[]),
    ("cf-ray", &[]),
];

/// Reads every `[[gateway.proxy]]`.
pub(crate) fn read_proxies(table: &mut TomlTable<'_>) -> Vec<Proxy> {
    table.tables_at("proxy", "Proxy").into_iter().map(read_proxy).collect()
}

fn read_proxy(mut table: TomlTable<'_>) -> Proxy {
    let mut from = Vec::new();
    if let Some(value) = table.require("from", "its addresses, such as [\"10.0.0.0/8\"]") {
        for network in value.one_or_more() {
            from.extend(network.read_network());
        }
    }
    let reads = match table.table_at("reads", "ProxyReads") {
        Some(reads) => read_fields(reads),
        // A proxy that reads nothing is valid: facts that it does not send are unknown.
        None => ProxyReads::default(),
    };
    // Off by default: nginx before 1.31.3 forwards `Upgrade` into HTTP/2, which breaks the stream.
    let upgrade_field = table.flag_at("upgrade-field");
    table.report_unknown_keys();
    Proxy { from, reads, upgrade_field }
}

fn read_fields(mut table: TomlTable<'_>) -> ProxyReads {
    // In the order of FACTS. All four are read before the unknown keys are reported.
    let [scheme, peer, tls, http] = FACTS.map(|fact| read_field_for(fact, &table.get(fact)?));
    table.report_unknown_keys();
    ProxyReads { scheme, peer, tls, http }
}

/// The name of a field in lower case, if the field can report this fact.
fn read_field_for(fact: &'static str, value: &TomlValue<'_>) -> Option<String> {
    let name = value.read_field_name()?;
    let known = KNOWN_FIELDS.iter().find(|(known, _)| *known == name);
    match known {
        Some((_, reported)) if !reported.contains(&fact) => {
            report_unfit_field(fact, &name, reported, value);
            None
        }
        // A field that is not well known may be one of the author, for any fact.
        _ => Some(name),
    }
}

fn report_unfit_field(fact: &str, name: &str, reported: &[&str], value: &TomlValue<'_>) {
    let label = match reported {
        [] => "it reports none of these facts".to_owned(),
        reported => format!("it reports {}", join_names(reported.iter().copied())),
    };
    let mut examples = Vec::new();
    for (field, facts) in KNOWN_FIELDS {
        // More would not help: `peer` alone has more than ten.
        if facts.contains(&fact) && examples.len() < 3 {
            examples.push(field);
        }
    }
    let error = value.error_here(format!("`{name}` does not report `{fact}`")).with_label(label);
    value.report(error.with_help(format!(
        "fields that do: {}, or one that your proxy sets",
        examples.join(", ")
    )));
}

impl TomlValue<'_> {
    /// The name of a field, in lower case.
    fn read_field_name(&self) -> Option<String> {
        self.parse_with("a field name such as \"X-Forwarded-For\"", |text| {
            if upshift_core::field::is_token(text) {
                // RFC 9110 §5.1: field names are case-insensitive.
                Ok(text.to_ascii_lowercase())
            } else {
                Err("a field name has letters, digits and - only".to_owned())
            }
        })
    }
}
