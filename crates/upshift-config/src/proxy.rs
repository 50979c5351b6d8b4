//! `[[gateway.proxy]]`: hops in front of the gateway that are believed, and the fields in which
//! they tell what they saw.

use crate::document::{Item, Section};
use crate::gateway::flag;
use crate::settings::{Proxy, ProxyReads};
use crate::spelling::listed;

/// What a field can tell, as `reads` names it.
const FACTS: [&str; 4] = ["scheme", "peer", "tls", "http"];

/// Well-known fields, and what each of them tells. Any other field may tell anything.
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
pub(crate) fn proxies(section: &mut Section<'_>) -> Vec<Proxy> {
    let Some(item) = section.get("proxy") else { return Vec::new() };
    item.sections("Proxy").into_iter().map(proxy).collect()
}

fn proxy(mut section: Section<'_>) -> Proxy {
    let from = section.required("from", "the addresses of the proxy, such as [\"10.0.0.0/8\"]");
    let from = from.map(|item| item.one_or_more()).unwrap_or_default();
    let reads = section.get("reads").and_then(|item| item.section("ProxyReads"));
    let proxy = Proxy {
        from: from.iter().filter_map(Item::network).collect(),
        reads: reads.map(proxy_reads).unwrap_or_default(),
        upgrade_field: flag(&mut section, "upgrade-field"),
    };
    section.close();
    proxy
}

fn proxy_reads(mut section: Section<'_>) -> ProxyReads {
    let [scheme, peer, tls, http] =
        FACTS.map(|fact| section.get(fact).and_then(|item| field_for(fact, &item)));
    section.close();
    ProxyReads { scheme, peer, tls, http }
}

/// The name of a field in lower case, if the field can tell this.
fn field_for(fact: &'static str, item: &Item<'_>) -> Option<String> {
    let name = item.field_name()?;
    let known = KNOWN_FIELDS.iter().find(|(known, _)| *known == name);
    let Some((_, tells)) = known.filter(|(_, tells)| !tells.contains(&fact)) else {
        return Some(name);
    };
    let told = match tells {
        [] => "it tells none of what is read here".to_owned(),
        tells => format!("it tells {}", listed(tells.iter().copied())),
    };
    let fitting = KNOWN_FIELDS.iter().filter(|(_, tells)| tells.contains(&fact));
    let examples: Vec<_> = fitting.take(3).map(|(name, _)| *name).collect();
    let finding = item.error(format!("`{name}` does not tell `{fact}`")).label(told);
    item.report(
        finding.help(format!(
            "fields that do: {}, or one that your proxy writes",
            examples.join(", ")
        )),
    );
    None
}
