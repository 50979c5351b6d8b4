//! The index of a policy's rules by hosts and paths.
//!
//! 1. Hosts lead to the roots of path patterns, and these to rules: one walk over the labels of the
//!    requested host, from right to left, and one over the segments of the path.
//! 2. What `!` excludes and the other keys of a rule are compared after that, for the rules that
//!    were found.

use rustc_hash::FxHashMap;

use super::host::{HostPattern, HostReading};
use super::matcher::Matcher;
use super::path::PathPattern;
use super::reading::{Comparison, PathReadings};
use super::rule::Rule;
use super::segment_trie::{FoundEnds, NodeId, SegmentTrie};
use super::segments::{Case, Segment};
use crate::inline_vec::InlineVec;

/// The most combinations of a host and a path for which a rule is entered under each of its hosts.
/// A rule with more is entered once, under a root that all its hosts lead to.
const COMBINATION_LIMIT: usize = 64;

/// The pattern of a key that is left out: it matches everything.
const ANYTHING: [Segment; 1] = [Segment::Any];

/// The positions of rules in the policy, in order.
pub(crate) type RulePositions = InlineVec<u32, 16>;

/// The rules of a policy by the hosts and paths that they include.
#[derive(Debug)]
pub(crate) struct RuleIndex {
    hosts: SegmentTrie<NodeId>,
    hosts_root: NodeId,
    paths: SegmentTrie<u32>,
}

impl RuleIndex {
    /// The index of the rules of a policy that compares paths in this way.
    pub(super) fn of_rules(rules: &[Rule], comparison: Comparison) -> Self {
        let mut builder = IndexBuilder::new(comparison);
        for (position, rule) in rules.iter().enumerate() {
            // A policy with 2^32 rules would not fit into memory.
            builder.add_rule(&rule.matcher, position as u32);
        }
        builder.index
    }

    /// The rules whose `hosts` and `paths` include the request in one of the readings of its path.
    pub(crate) fn candidates(&self, host: &str, paths: &PathReadings<'_>) -> RulePositions {
        let mut roots = FoundEnds::new();
        let reading = HostReading::of_host(host);
        self.hosts.collect_ends(&[self.hosts_root], reading.labels().rev(), &mut roots);
        // Several hosts of one rule can lead to one root.
        roots.sort_distinct();
        let mut found = RulePositions::new();
        for path in paths.iter() {
            let segments = path.compared_segments().iter().map(AsRef::as_ref);
            self.paths.collect_ends(&roots, segments, &mut found);
        }
        // Several patterns of one rule can match, and several readings.
        found.sort_distinct();
        found
    }
}

impl Default for RuleIndex {
    fn default() -> Self {
        Self::of_rules(&[], Comparison::default())
    }
}

/// An index to which rules are added.
struct IndexBuilder {
    index: RuleIndex,
    comparison: Comparison,
    /// The root of the paths under one host, by the text of its pattern; `None`: any host.
    roots: FxHashMap<Option<Box<str>>, NodeId>,
}

impl IndexBuilder {
    fn new(comparison: Comparison) -> Self {
        // Hosts are compared in lower case.
        let mut hosts = SegmentTrie::new(Case::Exact);
        let hosts_root = hosts.add_root();
        let paths = SegmentTrie::new(comparison.case);
        let index = RuleIndex { hosts, hosts_root, paths };
        Self { index, comparison, roots: FxHashMap::default() }
    }

    fn add_rule(&mut self, matcher: &Matcher, rule: u32) {
        let (hosts, paths) = (&matcher.hosts.include, &matcher.paths.include);
        if hosts.is_empty() {
            let root = self.root_of_host(None);
            self.add_paths(root, paths, rule);
        } else if hosts.len() * paths.len() <= COMBINATION_LIMIT {
            for host in hosts {
                let root = self.root_of_host(Some(host));
                self.add_paths(root, paths, rule);
            }
        } else {
            let root = self.index.paths.add_root();
            for host in hosts {
                self.lead_to(Some(host), root);
            }
            self.add_paths(root, paths, rule);
        }
    }

    fn root_of_host(&mut self, host: Option<&HostPattern>) -> NodeId {
        let key = host.map(|host| host.text().to_ascii_lowercase().into());
        if let Some(root) = self.roots.get(&key) {
            return *root;
        }
        let root = self.index.paths.add_root();
        self.roots.insert(key, root);
        self.lead_to(host, root);
        root
    }

    /// Lets a host lead to the patterns of paths that begin at `root`.
    fn lead_to(&mut self, host: Option<&HostPattern>, root: NodeId) {
        let labels = match host {
            Some(host) => host.labels(),
            None => &ANYTHING,
        };
        let RuleIndex { hosts, hosts_root, .. } = &mut self.index;
        hosts.insert(*hosts_root, labels.iter().rev(), root);
    }

    fn add_paths(&mut self, root: NodeId, paths: &[PathPattern], rule: u32) {
        let trie = &mut self.index.paths;
        if paths.is_empty() {
            trie.insert(root, ANYTHING.iter(), rule);
        }
        for path in paths {
            trie.insert(root, path.compared_segments(self.comparison).iter(), rule);
        }
    }
}

#[cfg(test)]
mod tests;
