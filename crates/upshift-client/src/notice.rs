//! Telling the caller that an origin is about to lose something: once for each origin and rule.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use upshift_core::follow::Deprecation;
use upshift_core::{Fields, Timestamp};

/// A deprecation, seen for the first time in this process, or for the first time after its sunset.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The origin, as `https://api.example.com:443`.
    pub origin: String,
    /// What was said.
    pub deprecation: Deprecation,
    /// Whether its sunset has passed.
    pub past_sunset: bool,
}

pub(crate) type Hook = Arc<dyn Fn(&Notice) + Send + Sync>;

/// At most so many origins and rules are kept apart; a server can invent them.
const REMEMBERED: usize = 1024;

/// Remembers what has been told.
#[derive(Clone, Default)]
pub(crate) struct Noticeboard {
    hook: Option<Hook>,
    told: Arc<Mutex<HashSet<String>>>,
}

impl Noticeboard {
    pub(crate) fn new(hook: Hook) -> Self {
        Self { hook: Some(hook), told: Arc::default() }
    }

    /// Reads an answer's fields and calls the hook if they say something new.
    pub(crate) fn read(&self, origin: &str, fields: &dyn Fields, now: Timestamp) {
        let Some(hook) = &self.hook else { return };
        let Some(deprecation) = Deprecation::from_fields(fields) else { return };
        let past_sunset = deprecation.sunset.is_some_and(|sunset| sunset <= now);
        // No field names the rule. Its documentation does, and failing that its dates.
        let rule =
            deprecation.link("deprecation").or(deprecation.link("sunset")).map(str::to_owned);
        let rule =
            rule.unwrap_or_else(|| format!("{:?} {:?}", deprecation.since, deprecation.sunset));
        if self.is_news(format!("{origin} {rule} {past_sunset}")) {
            hook(&Notice { origin: origin.to_owned(), deprecation, past_sunset });
        }
    }

    fn is_news(&self, what: String) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < REMEMBERED && told.insert(what)
    }
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
            board.read(origin, &fields, now);
        }
        let told = heard.lock().unwrap().clone();
        assert_eq!(told, [("a".into(), false), ("b".into(), false), ("a".into(), true)]);
    }
}
