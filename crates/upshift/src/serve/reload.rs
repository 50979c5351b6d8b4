//! Reading the policy file again while the gateway runs.

use std::path::PathBuf;

use tokio::sync::mpsc::Receiver;
use upshift_config::make_visible;
use upshift_core::{Policy, Timestamp};
use upshift_gateway::{Handle, Reloaded, Settings};

use super::watch::Watched;
use super::{short, supervisor};
use crate::failure::Failure;
use crate::policy_file::{self, PolicyFile};
use crate::state::usual_store;
use crate::terminal::say;

/// What reloads, and what it reloads into.
pub(super) struct Reloader {
    file: PolicyFile,
    observe: bool,
    handle: Handle,
    watched: Watched,
    /// Chosen at the start, if the file left it open; a reload does not choose again.
    store: Option<PathBuf>,
}

impl Reloader {
    pub(super) fn new(
        file: PolicyFile,
        observe: bool,
        handle: Handle,
        watched: Watched,
        store: Option<PathBuf>,
    ) -> Self {
        Self { file, observe, handle, watched, store }
    }

    /// Reloads at each wish, for ever.
    pub(super) async fn follow(self, mut wishes: Receiver<()>) {
        while wishes.recv().await.is_some() {
            supervisor::reloading();
            self.reload();
            supervisor::ready();
        }
        std::future::pending::<()>().await;
    }

    /// Reads the file; keeps the last good policy if the new one is wrong, and says so.
    fn reload(&self) {
        let path = self.file.path.display();
        let before = self.handle.policy();
        let Some(reloaded) = self.put_in_force() else {
            say(format_args!("{path} was not reloaded: policy {} stays in force", short(before.revision())));
            return;
        };
        let after = self.handle.policy();
        say(format_args!("{path} reloaded: policy {}", short(after.revision())));
        let phases = phases(&before, &after, Timestamp::now());
        if phases.is_empty() && reloaded.changes.is_empty() && reloaded.needs_restart.is_empty() {
            say("  nothing that takes effect is different");
        }
        phases.iter().for_each(|change| say(format_args!("  {change}")));
        reloaded.changes.iter().for_each(|change| say(format_args!("  {}", make_visible(&change.to_string()))));
        reloaded.needs_restart.iter().for_each(|setting| say(format_args!("  warning: {setting}")));
        reloaded.warnings.iter().for_each(|warning| say(format_args!("  warning: {}", make_visible(warning))));
    }

    fn put_in_force(&self) -> Option<Reloaded> {
        self.watched.policy_is_read();
        let (text, mut store) = (policy_file::read_again(&self.file.path), self.store.clone());
        let settings = match text.and_then(|text| load(&self.file, text, &self.watched, &mut store)) {
            Ok(settings) => Settings { observe: self.observe, ..settings },
            Err(failure) => {
                failure.tell();
                self.handle.reload_failed();
                return None;
            }
        };
        match self.handle.reload(settings) {
            Ok(reloaded) => Some(reloaded),
            Err(error) => {
                say(format_args!("error: {error}"));
                None
            }
        }
    }
}

/// The settings of a policy file with this text; what it names is watched before it is loaded.
/// A store that the file leaves open is where it was chosen to be, and is chosen if it was not.
pub(super) fn load(
    file: &PolicyFile,
    text: String,
    watched: &Watched,
    chosen: &mut Option<PathBuf>,
) -> Result<Settings, Failure> {
    let mut parsed = file.parse(text)?;
    if let Some(beside) = parsed.usual_store() {
        let store = chosen.get_or_insert_with(|| usual_store(beside)).clone();
        parsed.set_store(store);
    }
    watched.named_are_read(parsed.named());
    parsed.settings()
}

/// The phases that change now, rule by rule: `orders-v2: warn → enforce`.
fn phases(before: &Policy, after: &Policy, now: Timestamp) -> Vec<String> {
    let mut changes = Vec::new();
    for rule in after.rules() {
        let phase = rule.moment(now).phase;
        match before.rule(&rule.id).map(|old| old.moment(now).phase) {
            Some(old) if old == phase => {}
            Some(old) => changes.push(format!("{}: {old} → {phase}", rule.id)),
            None => changes.push(format!("{}: new → {phase}", rule.id)),
        }
    }
    for rule in before.rules() {
        if after.rule(&rule.id).is_none() {
            changes.push(format!("{}: {} → gone", rule.id, rule.moment(now).phase));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use upshift_config::load;

    use super::*;

    #[test]
    fn a_reload_says_what_changes_now() {
        let policy = |text: &str| load(text, "upshift.toml").unwrap().file.policy;
        let rule = |id: &str, phase: &str| {
            format!("[[rule]]\nid = \"{id}\"\nphase = \"{phase}\"\nrequire = {{ http = \"2\" }}\n")
        };
        let before = policy(&(rule("a", "warn") + &rule("b", "enforce") + &rule("c", "off")));
        let after = policy(&(rule("a", "enforce") + &rule("b", "enforce") + &rule("d", "observe")));
        let said = phases(&before, &after, Timestamp::UNIX_EPOCH);
        assert_eq!(said, ["a: warn → enforce", "d: new → observe", "c: off → gone"]);
        assert!(phases(&after, &after, Timestamp::UNIX_EPOCH).is_empty());
    }
}
