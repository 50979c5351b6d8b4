//! Notices of deprecation: one for each origin and rule.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use upshift_core::follow::Deprecation;
use upshift_core::{Fields, Timestamp};

/// A deprecation that was seen for the first time in this process, or for the first time after its
/// sunset.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notice {
    /// The origin, such as `https://api.example.com:443`.
    pub origin: String,
    /// The deprecation that the server announced.
    pub deprecation: Deprecation,
    /// The sunset has passed.
    pub past_sunset: bool,
}

pub(crate) type NoticeHook = Arc<dyn Fn(&Notice) + Send + Sync>;

/// The limit on origins and rules that are remembered. A server can invent them.
const REMEMBERED: usize = 1024;

/// Calls the hook for each notice once.
#[derive(Clone, Default)]
pub(crate) struct Noticeboard {
    hook: Option<NoticeHook>,
    posted: Arc<Mutex<HashSet<String>>>,
}

impl Noticeboard {
    pub(crate) fn new(hook: NoticeHook) -> Self {
        Self { hook: Some(hook), posted: Arc::default() }
    }

    /// Reads the fields of a response, and calls the hook if they announce something new.
    pub(crate) fn post_new(&self, origin: &str, fields: &dyn Fields, now: Timestamp) {
        let Some(hook) = &self.hook else { return };
        let Some(deprecation) = Deprecation::from_fields(fields) else { return };
        let past_sunset = matches!(deprecation.sunset, Some(sunset) if sunset <= now);
        let key = format!("{origin} {} {past_sunset}", rule_of(&deprecation));
        if self.is_new(key) {
            hook(&Notice { origin: origin.to_owned(), deprecation, past_sunset });
        }
    }

    fn is_new(&self, key: String) -> bool {
        // A panic in another thread leaves the set usable.
        let mut posted = self.posted.lock().unwrap_or_else(PoisonError::into_inner);
        posted.len() < REMEMBERED && posted.insert(key)
    }
}

/// The identity of the rule behind a deprecation. No field names the rule, but its documentation
/// does, and failing that its dates.
fn rule_of(deprecation: &Deprecation) -> String {
    for relation in ["deprecation", "sunset"] {
        if let Some(url) = deprecation.link(relation) {
            return url.to_owned();
        }
    }
    format!("{:?} {:?}", deprecation.since, deprecation.sunset)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;

    #[test]
    fn each_origin_and_rule_is_told_once_and_once_more_after_its_sunset() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        let board = Noticeboard::new(Arc::new(move |notice: &Notice| {
            ear.lock().unwrap().push((notice.origin.clone(), notice.past_sunset));
        }));
        let fields = vec![("deprecation", "@1"), ("sunset", "Wed, 01 Jul 2026 00:00:00 GMT")];
        let (before, after) =
            ("2026-06-01T00:00:00Z".parse().unwrap(), "2026-07-02T00:00:00Z".parse().unwrap());
        for (origin, now) in
            [("a", before), ("a", before), ("b", before), ("a", after), ("a", after)]
        {
            board.post_new(origin, &fields, now);
        }
        let told = heard.lock().unwrap().clone();
        assert_eq!(told, [("a".into(), false), ("b".into(), false), ("a".into(), true)]);
    }
}
