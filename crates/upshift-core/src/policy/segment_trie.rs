//! A trie over the segments of patterns. It finds the patterns that match a text in one walk over
//! the segments of the text, in a time that does not depend on the number of other patterns.
//!
//! 1. A literal segment is found by its hash. Patterns of one segment with `*` inside are compared
//!    one by one, and only those that follow a match of the segments before.
//! 2. The walk keeps every node that the segments so far can lead to. A node is kept once, so the
//!    work is bounded by the number of nodes times the number of segments.

use rustc_hash::FxHashMap;

use super::segments::{Case, Segment, fold_case};
use crate::inline_vec::InlineVec;

/// The most patterns of one segment that are searched for an equal one when another is added.
const SEARCHED_GLOBS: usize = 32;

/// A node of a trie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(u32);

/// The values at the ends of the patterns that match.
pub(super) type FoundEnds<E> = InlineVec<E, 16>;

type NodeList = InlineVec<NodeId, 8>;

/// A trie with a value at the end of each pattern.
#[derive(Debug)]
pub(super) struct SegmentTrie<E> {
    case: Case,
    nodes: Vec<TrieNode<E>>,
}

#[derive(Debug)]
struct TrieNode<E> {
    /// By the text of the next segment.
    literals: FxHashMap<Box<[u8]>, NodeId>,
    /// The next segments that have to be compared.
    globs: Vec<(Segment, NodeId)>,
    /// After any one segment: `*`.
    any_one: Option<NodeId>,
    /// After any number of segments: `**`.
    any_number: Option<NodeId>,
    /// True for the node of a `**`: any further segment leads to it again.
    repeats: bool,
    /// The values of the patterns that end here.
    ends: Vec<E>,
}

impl<E: Copy> SegmentTrie<E> {
    /// A trie without patterns.
    pub(super) fn new(case: Case) -> Self {
        Self { case, nodes: Vec::new() }
    }

    /// Adds a node for patterns to begin at.
    pub(super) fn add_root(&mut self) -> NodeId {
        self.add_node(false)
    }

    /// Adds a pattern that begins at `root`, with a value at its end.
    pub(super) fn insert<'s>(
        &mut self,
        root: NodeId,
        pattern: impl Iterator<Item = &'s Segment>,
        end: E,
    ) {
        let mut node = root;
        for segment in pattern {
            node = match self.find_child(node, segment) {
                Some(child) => child,
                None => self.add_child(node, segment),
            };
        }
        self.nodes[node.index()].ends.push(end);
    }

    /// Adds the values of all patterns that begin at one of `roots` and match `segments` to
    /// `found`. A value can be added more than once.
    pub(super) fn collect_ends<'t>(
        &self,
        roots: &[NodeId],
        segments: impl Iterator<Item = &'t [u8]>,
        found: &mut FoundEnds<E>,
    ) {
        let mut walk = TrieWalk {
            trie: self,
            active: NodeList::new(),
            next: NodeList::new(),
            repeating: NodeList::new(),
            found,
        };
        for root in roots {
            walk.enter(*root);
        }
        walk.advance();
        for segment in segments {
            // Nothing that follows can match, or all that can is found.
            if walk.active.is_empty() {
                return;
            }
            walk.take_segment(segment);
        }
        walk.end();
    }

    fn add_node(&mut self, repeats: bool) -> NodeId {
        // 2^32 nodes would need hundreds of gigabytes.
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(TrieNode {
            literals: FxHashMap::default(),
            globs: Vec::new(),
            any_one: None,
            any_number: None,
            repeats,
            ends: Vec::new(),
        });
        id
    }

    fn find_child(&self, parent: NodeId, segment: &Segment) -> Option<NodeId> {
        let node = self.node(parent);
        match segment {
            Segment::Any => node.any_number,
            Segment::Glob(glob) if glob.is_any() => node.any_one,
            Segment::Glob(_) | Segment::Capture { .. } => match segment.literal_in(self.case) {
                Some(text) => node.literals.get(text).copied(),
                None => node.find_glob(segment),
            },
        }
    }

    fn add_child(&mut self, parent: NodeId, segment: &Segment) -> NodeId {
        let child = self.add_node(*segment == Segment::Any);
        let node = &mut self.nodes[parent.index()];
        match segment {
            Segment::Any => node.any_number = Some(child),
            Segment::Glob(glob) if glob.is_any() => node.any_one = Some(child),
            Segment::Glob(_) | Segment::Capture { .. } => match segment.literal_in(self.case) {
                Some(text) => drop(node.literals.insert(text.into(), child)),
                None => node.globs.push((segment.clone(), child)),
            },
        }
        child
    }

    fn node(&self, id: NodeId) -> &TrieNode<E> {
        // Ids come from `add_node` of this trie, and no node is ever removed.
        &self.nodes[id.index()]
    }
}

impl NodeId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

impl<E> TrieNode<E> {
    fn find_glob(&self, segment: &Segment) -> Option<NodeId> {
        // Two nodes for equal patterns only cost a comparison, so a policy with thousands of them
        // is not compiled in quadratic time.
        for (glob, child) in self.globs.iter().rev().take(SEARCHED_GLOBS) {
            if glob == segment {
                return Some(*child);
            }
        }
        None
    }

    /// Returns true if a segment can lead on from here.
    fn has_children(&self) -> bool {
        !self.literals.is_empty() || !self.globs.is_empty() || self.any_one.is_some()
    }
}

/// A walk over the segments of one text.
struct TrieWalk<'w, E> {
    trie: &'w SegmentTrie<E>,
    /// The nodes that the segments so far lead to.
    active: NodeList,
    /// The nodes that the segments so far and the current one lead to.
    next: NodeList,
    /// The nodes of `**` that were entered. They stay active to the end.
    repeating: NodeList,
    found: &'w mut FoundEnds<E>,
}

impl<E: Copy> TrieWalk<'_, E> {
    /// Enters a node, and those after it that need no segment.
    fn enter(&mut self, first: NodeId) {
        let mut entered = Some(first);
        while let Some(id) = entered {
            let node = self.trie.node(id);
            if node.repeats {
                if self.repeating.contains(&id) {
                    return;
                }
                self.repeating.push(id);
                // Whatever follows, a pattern that ends in `**` matches.
                self.found.extend(node.ends.iter().copied());
            }
            if node.has_children() || !node.repeats && !node.ends.is_empty() {
                self.next.push(id);
            }
            entered = node.any_number;
        }
    }

    fn take_segment(&mut self, segment: &[u8]) {
        let text = fold_case(segment, self.trie.case);
        for id in &std::mem::take(&mut self.active) {
            let node = self.trie.node(*id);
            if node.repeats {
                self.next.push(*id);
            }
            if let Some(child) = node.literals.get(&*text) {
                self.enter(*child);
            }
            if let Some(child) = node.any_one {
                self.enter(child);
            }
            for (glob, child) in &node.globs {
                if glob.match_one(segment, self.trie.case).is_some() {
                    self.enter(*child);
                }
            }
        }
        self.advance();
    }

    fn advance(&mut self) {
        self.active = std::mem::take(&mut self.next);
    }

    fn end(&mut self) {
        for id in &self.active {
            let node = self.trie.node(*id);
            // Those of `**` were found when they were entered.
            if !node.repeats {
                self.found.extend(node.ends.iter().copied());
            }
        }
    }
}
