//! Texts that occur often, kept once.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::RandomState;

/// The most texts that are kept.
const MOST: usize = 16 * 1024;

/// The most bytes of a text that are kept.
const LONGEST: usize = 200;

/// Keeps texts, up to a number.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    texts: HashSet<Arc<str>, RandomState>,
}

impl Interner {
    /// The text, or its beginning.
    pub(crate) fn intern(&mut self, text: &[u8]) -> Arc<str> {
        let text = String::from_utf8_lossy(&text[..text.len().min(LONGEST)]);
        if let Some(known) = self.texts.get(&*text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(&*text);
        if self.texts.len() < MOST {
            self.texts.insert(Arc::clone(&new));
        }
        new
    }
}
