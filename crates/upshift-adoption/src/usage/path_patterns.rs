//! The path patterns that a core has seen, each kept in memory once.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::labels::path_pattern;

/// The most patterns that are shared. Clients choose the paths.
const MAX_PATTERNS: usize = 1024;

/// The patterns that were seen.
#[derive(Default)]
pub(super) struct PathPatterns(HashSet<Arc<str>, RandomState>);

impl PathPatterns {
    /// The pattern of a path.
    pub(super) fn pattern_of(&mut self, path: &str) -> Arc<str> {
        let pattern = path_pattern(path);
        if let Some(known) = self.0.get(&*pattern) {
            return Arc::clone(known);
        }
        let new: Arc<str> = pattern.into();
        if self.0.len() < MAX_PATTERNS {
            self.0.insert(Arc::clone(&new));
        }
        new
    }
}
