//! Labels from requests, in bounded sets. Clients choose the labels, and cannot make a set grow.
//!
//! A label that is seen repeatedly keeps its place. Labels that are seen once, such as invented
//! ones, lose theirs at the next sweep. A label without a place counts as [`OTHER`].

use std::collections::HashMap;
use std::sync::Arc;

/// The label of everything that has no place of its own.
pub const OTHER: &str = "other";

/// The longest label, in bytes. A longer value is cut.
pub const MAX_LABEL: usize = 48;

/// A bounded set of labels.
pub(crate) struct LabelSet {
    places: HashMap<Arc<str>, u32>,
    capacity: usize,
    other: Arc<str>,
}

impl LabelSet {
    /// An empty set with `capacity` places.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { places: HashMap::new(), capacity, other: OTHER.into() }
    }

    /// The label to count `text` under, after `times` requests with it.
    pub(crate) fn admit_label(&mut self, text: &str, times: u64) -> Arc<str> {
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        if let Some((label, hits)) = self.places.get_key_value(text) {
            let (label, hits) = (Arc::clone(label), hits.saturating_add(times));
            self.places.insert(Arc::clone(&label), hits);
            return label;
        }
        if self.places.len() >= self.capacity && !self.evict_weaker(times) {
            return Arc::clone(&self.other);
        }
        let label: Arc<str> = text.into();
        self.places.insert(Arc::clone(&label), times);
        label
    }

    /// Counts `times` further requests with `label`, if it has a place.
    pub(crate) fn add_hits(&mut self, label: &str, times: u64) {
        if let Some(hits) = self.places.get_mut(label) {
            *hits = hits.saturating_add(u32::try_from(times).unwrap_or(u32::MAX));
        }
    }

    /// Returns true if labels without hits lose their places at the next sweep.
    pub(crate) fn is_crowded(&self) -> bool {
        self.places.len() * 2 > self.capacity
    }

    /// Halves the hits, so that a label that is no longer seen loses its place. In a set that is
    /// more than half full, labels without hits lose it at once.
    pub(crate) fn sweep(&mut self) {
        if !self.is_crowded() {
            return;
        }
        for hits in self.places.values_mut() {
            *hits /= 2;
        }
        self.places.retain(|_, hits| *hits > 0);
    }

    /// Makes room for a label with `hits`, if another one has fewer.
    fn evict_weaker(&mut self, hits: u32) -> bool {
        // Only a label with several requests can take a place: a flood of single requests would
        // cost a search each.
        if hits < 2 {
            return false;
        }
        let weakest = self.places.iter().min_by(|a, b| a.1.cmp(b.1).then_with(|| a.0.cmp(b.0)));
        match weakest {
            Some((label, least)) if *least < hits => {
                let label = Arc::clone(label);
                self.places.remove(&label);
                true
            }
            _ => false,
        }
    }
}

/// A value as a label: visible ASCII, at most [`MAX_LABEL`] bytes.
pub fn label_text(value: &str) -> String {
    let mut label = String::with_capacity(value.len().min(MAX_LABEL));
    for character in value.trim().chars() {
        if label.len() >= MAX_LABEL {
            break;
        }
        // Control characters and look-alikes would confuse readers.
        let is_plain = character.is_ascii_graphic() || character == ' ';
        label.push(if is_plain { character } else { '?' });
    }
    label
}

/// A path as a label: at most four segments, and `*` for each that looks like an identifier.
///
/// Paths may contain identifiers and tokens, which must not be stored, and which would create a
/// label for each request.
pub fn path_pattern(path: &str) -> String {
    let mut pattern = String::new();
    let mut segments = path.split('/');
    // Skips the empty part before the first slash.
    segments.next();
    for (at, segment) in segments.enumerate() {
        pattern.push('/');
        if at >= 4 {
            pattern.push_str("**");
            break;
        }
        if is_identifier(segment) {
            pattern.push('*');
        } else {
            pattern.push_str(&label_text(segment));
        }
    }
    if pattern.is_empty() { label_text(path) } else { pattern }
}

fn is_identifier(segment: &str) -> bool {
    // `v2` and `oauth2` name resources; `1234` and `a1b2c3` do not.
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let is_number = digits > 2 || digits == segment.len() && digits > 0;
    // An email address, or something encoded.
    let is_encoded = segment.contains(['@', '%', '=', '+']);
    let has_upper = segment.bytes().any(|byte| byte.is_ascii_uppercase());
    let has_lower = segment.bytes().any(|byte| byte.is_ascii_lowercase());
    let is_random = has_upper && has_lower && segment.len() >= 10 && !segment.contains(['-', '_']);
    is_number || is_encoded || is_random || segment.len() > 24
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_labels_do_not_displace_real_ones() {
        let mut labels = LabelSet::new(16);
        for _ in 0..10 {
            assert_eq!(&*labels.admit_label("1.4", 1), "1.4");
        }
        for invented in 0..10_000 {
            labels.admit_label(&format!("x{invented}"), 1);
            assert!(labels.places.len() <= 16);
        }
        assert_eq!(&*labels.admit_label("1.4", 1), "1.4");
        // A late but real label, with several requests, takes the place of an invented one.
        assert_eq!(&*labels.admit_label("1.5", 3), "1.5");
        // A label with one request has to wait for the next sweep.
        assert_eq!(&*labels.admit_label("1.6", 1), OTHER);
        labels.sweep();
        assert_eq!(&*labels.admit_label("1.6", 1), "1.6");
        assert_eq!(&*labels.admit_label("1.4", 1), "1.4");
    }

    #[test]
    fn values_become_short_visible_labels() {
        assert_eq!(label_text("  2.0 "), "2.0");
        assert_eq!(label_text("a\u{1b}[31m\u{e9}"), "a?[31m?");
        assert_eq!(label_text(&"9".repeat(500)).len(), MAX_LABEL);
    }

    #[test]
    fn identifiers_in_paths_are_left_out() {
        assert_eq!(path_pattern("/"), "/");
        assert_eq!(path_pattern("/api/v2/orders/81723/items/7"), "/api/v2/orders/*/**");
        assert_eq!(path_pattern("/users/7"), "/users/*");
        assert_eq!(path_pattern("/oauth2/token"), "/oauth2/token");
        assert_eq!(path_pattern("/k/f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), "/k/*");
        assert_eq!(path_pattern("/users/alice@example.com/orders"), "/users/*/orders");
        assert_eq!(path_pattern("/u/AbCdEfGhIjKl"), "/u/*");
        assert_eq!(path_pattern("*"), "*");
    }
}
