//! `[[upstream]]` and `gateway.upstream`: where requests go.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use upshift_core::policy::Matcher;

use crate::diagnostic::Finding;
use crate::document::{Item, Section};
use crate::gateway::parse_origin;
use crate::matcher;
use crate::settings::{Address, UpstreamHttp};

/// A site behind the gateway.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Which requests go there.
    pub matcher: Matcher,
    /// Its replicas, at least one.
    pub addresses: Vec<Address>,
    /// What is spoken to it.
    pub http: UpstreamHttp,
    /// PEM file of the authorities that sign its certificate; none: the system's.
    pub ca: Option<PathBuf>,
}

impl Upstream {
    /// A site of one replica, in clear and over HTTP/1.1, for all requests.
    pub fn at(address: impl Into<SocketAddr>) -> Self {
        let address = Address::from(address.into());
        Self { matcher: Matcher::default(), addresses: vec![address], http: UpstreamHttp::V1_1, ca: None }
    }
}

/// All upstreams in the order in which they are tried; `rest` is `gateway.upstream`, which takes what is left.
pub(crate) fn upstreams(tables: Option<Item<'_>>, rest: Option<Item<'_>>, folder: &Path) -> Vec<Upstream> {
    let sections = tables.map(|item| item.sections("Upstream")).unwrap_or_default();
    let mut upstreams: Vec<_> = sections.into_iter().filter_map(|section| upstream(section, folder)).collect();
    let rest = rest.map(|item| addresses(&item)).unwrap_or_default();
    if !rest.is_empty() {
        let (matcher, http) = (Matcher::default(), UpstreamHttp::default());
        upstreams.push(Upstream { matcher, addresses: rest, http, ca: None });
    }
    upstreams
}

fn upstream(mut section: Section<'_>, folder: &Path) -> Option<Upstream> {
    const HTTP: [(&str, UpstreamHttp); 2] = [("1.1", UpstreamHttp::V1_1), ("2", UpstreamHttp::V2)];
    let matcher = matcher::matcher(&mut section);
    let found = section.required("addresses", "where it listens, such as \"http://127.0.0.1:3000\"");
    let found = found.map(|item| addresses(&item)).unwrap_or_default();
    let http = section.get("http").and_then(|item| item.word("version of HTTP", &HTTP)).unwrap_or_default();
    let ca = section.get("ca").and_then(|item| item.text()).map(|path| folder.join(path));
    if section.has("identities") {
        let finding = Finding::warning(section.key_span("identities"), "no request goes to this upstream");
        section.out.report(finding.label("an identity is read by a rule, and an upstream has none"));
    }
    section.close();
    if found.is_empty() {
        return None;
    }
    Some(Upstream { matcher, addresses: found, http, ca })
}

fn addresses(item: &Item<'_>) -> Vec<Address> {
    let items = item.one_or_more();
    if items.is_empty() {
        item.wrong("an upstream needs an address", "expected at least one, such as \"http://127.0.0.1:3000\"");
    }
    let read = |item: &Item<'_>| item.parsed("an origin such as \"http://127.0.0.1:3000\"", parse_origin);
    items.iter().filter_map(read).collect()
}
