//! The memo of decisions, by all facts on which they depend. Of the target, this is its class.
//!
//! A key is compared in full, and not by its hash alone. A log whose requests all differ fills the
//! memo, and is then decided line by line.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use ipnet::IpNet;
use upshift_core::policy::{ApiReader, IdentityReader, Matcher, Requirement, Rule, UpgradeUrl};
use upshift_core::{HttpVersion, Known, Policy, TlsState};

use crate::line::{FieldSet, LogLine};
use crate::outcome::OutcomeId;
use crate::request::{LineClient, RequestReader};
use crate::seen_once::SeenOnce;
use crate::target_class::{TargetClasses, push_optional, push_text};

/// The most decisions that are kept.
const MOST: usize = 64 * 1024;

/// The most networks by which addresses are distinguished.
const MOST_NETWORKS: usize = 60;

/// The decisions so far.
#[derive(Debug)]
pub(crate) struct Memo {
    key: MemoKey,
    targets: TargetClasses,
    decisions: HashMap<Box<[u8]>, OutcomeId, RandomState>,
    seen: SeenOnce,
    /// The key of the request that was looked up last.
    bytes: Vec<u8>,
}

/// The facts that are part of a key.
#[derive(Debug)]
struct MemoKey {
    has_query: bool,
    has_switch: bool,
    /// The fields that a rule or an exemption reads.
    fields: FieldSet,
    /// The fields that only the exemption of health checks reads.
    health_fields: FieldSet,
    address: AddressKey,
    /// Decisions of this policy name the exemptions that they applied.
    revision: Box<str>,
}

/// The part of a client's address that decisions depend on.
#[derive(Debug)]
enum AddressKey {
    /// The networks that it is in, of these.
    Networks(Vec<IpNet>),
    /// All of it.
    Whole,
}

impl Memo {
    pub(crate) fn new(policy: &Policy, reader: &RequestReader) -> Self {
        let key = MemoKey::new(policy, reader);
        let has_host = reads_host(policy);
        Self {
            key,
            targets: TargetClasses::new(policy, has_host),
            decisions: HashMap::default(),
            seen: SeenOnce::default(),
            bytes: Vec::new(),
        }
    }

    /// The decision on an equal request.
    pub(crate) fn find(&mut self, line: &LogLine<'_>, client: &LineClient) -> Option<OutcomeId> {
        self.bytes.clear();
        self.key.write(line, client, &mut self.bytes);
        let target = self.key.target_part(&line.target);
        self.targets.write(line, target, &mut self.bytes);
        self.decisions.get(self.bytes.as_slice()).copied()
    }

    /// Keeps the decision on the request that was looked up last.
    pub(crate) fn keep(&mut self, outcome: OutcomeId) {
        let hash = self.decisions.hasher().hash_one(self.bytes.as_slice());
        if self.seen.comes_again(hash) && self.decisions.len() < MOST {
            self.decisions.insert(self.bytes.as_slice().into(), outcome);
        }
    }

    /// The facts about an address that decisions depend on; `None` if they depend on all of it.
    pub(crate) fn address_facts(&self, address: IpAddr) -> Option<AddressFacts> {
        match &self.key.address {
            AddressKey::Networks(networks) => Some(AddressFacts::of_address(address, networks)),
            AddressKey::Whole => None,
        }
    }
}

impl MemoKey {
    /// The facts that the decisions of a policy depend on.
    fn new(policy: &Policy, reader: &RequestReader) -> Self {
        let mut fields = FieldSet::default();
        let mut has_switch = false;
        let mut has_query = false;
        let mut address = AddressKey::new(policy);
        for rule in policy.rules() {
            for field in rule.field_names() {
                fields.insert_some(reader.wanted.index_of(field.lower()));
            }
            for requirement in &rule.require {
                has_switch |= is_switch(requirement);
                has_query |= reads_query(requirement);
            }
            address.add_matcher(&rule.matcher, &rule.identity);
        }
        for exemption in policy.exemptions() {
            for rule in policy.rules() {
                address.add_matcher(&exemption.matcher, &rule.identity);
            }
            if !exemption.matcher.clients.is_empty() {
                fields.insert_some(reader.wanted.index_of("user-agent"));
            }
        }
        // Those of the built-in exemptions.
        for name in policy.fields() {
            if name != "user-agent" {
                fields.insert_some(reader.wanted.index_of(name));
            }
        }
        let mut health_fields = fields;
        health_fields.insert_some(reader.wanted.index_of("user-agent"));
        let revision = policy.revision().into();
        Self { has_query, has_switch, fields, health_fields, address, revision }
    }

    /// Adds the facts beside the target.
    fn write(&self, line: &LogLine<'_>, client: &LineClient, bytes: &mut Vec<u8>) {
        let recorded = client.recorded;
        bytes.push(version_byte(client.http));
        bytes.push(tls_byte(client.tls));
        bytes.push(client.hop as u8);
        bytes.push(self.flags(line, client));
        bytes.extend_from_slice(&recorded.fields.bits().to_le_bytes());
        let fields = self.write_address(client, bytes);
        if self.has_query {
            push_optional(bytes, line.query.value());
        }
        for (field, value) in &line.fields {
            if fields.contains(*field) {
                bytes.push(*field);
                push_text(bytes, value);
            }
        }
        // No field has this index.
        bytes.push(u8::MAX);
    }

    fn flags(&self, line: &LogLine<'_>, client: &LineClient) -> u8 {
        let recorded = client.recorded;
        let is_decided = line.decision.revision.as_deref() == Some(self.revision.as_bytes());
        u8::from(recorded.host)
            | u8::from(recorded.peer) << 1
            | u8::from(recorded.query) << 2
            | u8::from(recorded.http) << 3
            | u8::from(recorded.tls) << 4
            | u8::from(self.has_switch && recorded.switch) << 5
            | u8::from(is_decided) << 6
    }

    /// Adds the part of the client's address, and returns the fields that decisions depend on.
    fn write_address(&self, client: &LineClient, bytes: &mut Vec<u8>) -> FieldSet {
        let networks = match &self.address {
            AddressKey::Networks(networks) => networks.as_slice(),
            AddressKey::Whole => {
                let text = client.address.map(|address| address.to_string());
                push_text(bytes, text.unwrap_or_default().as_bytes());
                return self.health_fields;
            }
        };
        let address = AddressFacts::of_client(client, networks);
        bytes.extend_from_slice(&address.bits().to_le_bytes());
        self.fields_for(address)
    }

    /// The fields that decisions depend on, for a client in these networks.
    fn fields_for(&self, address: AddressFacts) -> FieldSet {
        // Health checks come from private addresses, or from networks that the policy names.
        if address.kind == PRIVATE || address.networks != 0 {
            self.health_fields
        } else {
            self.fields
        }
    }

    /// The part of the target that decisions depend on.
    fn target_part<'t>(&self, target: &'t [u8]) -> &'t [u8] {
        if self.has_query || !target.starts_with(b"/") {
            return target;
        }
        let end = memchr::memchr2(b'?', b'#', target);
        &target[..end.unwrap_or(target.len())]
    }
}

impl AddressKey {
    fn new(policy: &Policy) -> Self {
        let spec = policy.to_spec();
        Self::Networks(spec.served.health_networks.unwrap_or_default())
    }

    fn add_matcher(&mut self, matcher: &Matcher, identity: &[IdentityReader]) {
        let reads_identity = !matcher.identities.is_empty();
        if reads_identity && identity.contains(&IdentityReader::Peer) {
            *self = Self::Whole;
        }
        let Self::Networks(networks) = self else { return };
        for network in matcher.peers.include.iter().chain(&matcher.peers.exclude) {
            if !networks.contains(network) {
                networks.push(*network);
            }
        }
        // A bit for each would not fit.
        if networks.len() > MOST_NETWORKS {
            *self = Self::Whole;
        }
    }
}

/// The facts about an address that decisions depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AddressFacts {
    /// The kind of the address.
    kind: u8,
    /// A bit for each network that it is in.
    networks: u64,
}

/// The kinds of addresses.
const UNKNOWN: u8 = 0;
const PUBLIC: u8 = 1;
const PRIVATE: u8 = 2;

impl AddressFacts {
    fn of_client(client: &LineClient, networks: &[IpNet]) -> Self {
        match client.address {
            Some(address) => Self::of_address(address, networks),
            None => Self { kind: UNKNOWN, networks: 0 },
        }
    }

    fn of_address(address: IpAddr, networks: &[IpNet]) -> Self {
        let mut set = 0_u64;
        for (index, network) in networks.iter().enumerate() {
            set |= u64::from(network.contains(&address)) << index;
        }
        Self { kind: if is_private(address) { PRIVATE } else { PUBLIC }, networks: set }
    }

    /// The facts as a number below 2^62: two bits for the kind, and at most 60 for the networks.
    pub(crate) fn bits(self) -> u64 {
        self.networks << 2 | u64::from(self.kind)
    }
}

/// Private, loopback and link-local addresses, as the core has it for health checks.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

fn is_switch(requirement: &Requirement) -> bool {
    matches!(
        requirement,
        Requirement::WebSocket(_) | Requirement::NoWebSocket | Requirement::Protocol(_)
    )
}

fn reads_query(requirement: &Requirement) -> bool {
    match requirement {
        Requirement::Api(api) => {
            api.read.iter().any(|reader| matches!(reader, ApiReader::Query(_)))
        }
        _ => false,
    }
}

/// Returns true if the host can make a difference: to a matcher, or to a link of a rule.
fn reads_host(policy: &Policy) -> bool {
    policy.rules().iter().any(|rule| !rule.matcher.hosts.is_empty() || has_links(rule))
        || policy.exemptions().iter().any(|exemption| !exemption.matcher.hosts.is_empty())
}

fn has_links(rule: &Rule) -> bool {
    rule.docs.is_some() || rule.successor.is_some() || rule.upgrade_url != UpgradeUrl::default()
}

fn version_byte(version: Known<HttpVersion>) -> u8 {
    match version {
        Known::Is(version) => version as u8,
        Known::Unknown => u8::MAX,
    }
}

fn tls_byte(tls: Known<TlsState>) -> u8 {
    match tls {
        Known::Is(TlsState::Cleartext) => 100,
        Known::Is(TlsState::Version(version)) => version as u8,
        Known::Is(TlsState::SomeVersion) => 101,
        Known::Unknown => u8::MAX,
    }
}
