//! Reading the policy file again while the gateway runs.

use tokio::sync::mpsc::Receiver;
use upshift_config::load;
use upshift_core::{Policy, Timestamp};
use upshift_gateway::{Handle, Settings};

use super::short;
use crate::policy_file::{self, PolicyFile};
use crate::terminal::say;

/// What reloads, and what it reloads into.
pub(super) struct Reloader {
    file: PolicyFile,
    observe: bool,
    handle: Handle,
}

impl Reloader {
    pub(super) fn new(file: PolicyFile, observe: bool, handle: Handle) -> Self {
        Self { file, observe, handle }
    }

    /// Reloads at each wish, for ever.
    pub(super) async fn follow(self, mut wishes: Receiver<()>) {
        while wishes.recv().await.is_some() {
            self.reload();
        }
        std::future::pending::<()>().await;
    }

    /// Reads the file; keeps the last good policy if the new one is wrong, and says so.
    fn reload(&self) {
        let path = self.file.path.display();
        let before = self.handle.policy();
        if !self.put_in_force() {
            say(format_args!("{path} was not reloaded: policy {} stays in force", short(before.revision())));
            return;
        }
        let after = self.handle.policy();
        let changes = changes(&before, &after, Timestamp::now());
        say(format_args!("{path} reloaded: policy {}", short(after.revision())));
        if changes.is_empty() {
            say("  no rule changes its phase");
        }
        changes.iter().for_each(|change| say(format_args!("  {change}")));
    }

    fn put_in_force(&self) -> bool {
        let text = match policy_file::read(&self.file.path) {
            Ok(text) => text,
            Err(failure) => {
                failure.tell();
                self.handle.reload_failed();
                return false;
            }
        };
        match load(&text, &self.file.path.to_string_lossy()) {
            Ok(loaded) => {
                policy_file::tell(&loaded.warnings);
                let settings = Settings { observe: self.observe, ..Settings::from(loaded.file) };
                let reloaded = self.handle.reload(settings);
                if let Err(error) = &reloaded {
                    say(format_args!("error: {error}"));
                }
                reloaded.is_ok()
            }
            Err(errors) => {
                policy_file::tell(&errors);
                self.handle.reload_failed();
                false
            }
        }
    }
}

/// What changes now, rule by rule: `orders-v2: warn → enforce`.
fn changes(before: &Policy, after: &Policy, now: Timestamp) -> Vec<String> {
    let mut changes = Vec::new();
    for rule in after.rules() {
        let phase = rule.moment(now).phase;
        match before.rule(&rule.id).map(|old| old.moment(now).phase) {
            Some(old) if old == phase => {}
            Some(old) => changes.push(format!("{}: {old} → {phase}", rule.id)),
            None => changes.push(format!("{}: new → {phase}", rule.id)),
        }
    }
    let gone = before.rules().iter().filter(|rule| after.rule(&rule.id).is_none());
    changes.extend(gone.map(|rule| format!("{}: {} → gone", rule.id, rule.moment(now).phase)));
    changes
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    #[test]
    fn a_reload_says_what_changes_now() {
        let policy = |text: &str| load(text, "upshift.toml").unwrap().file.policy;
        let rule = |id: &str, phase: &str| {
            format!("[[rule]]\nid = \"{id}\"\nphase = \"{phase}\"\nrequire = {{ http = \"2\" }}\n")
        };
        let before = policy(&(rule("a", "warn") + &rule("b", "enforce") + &rule("c", "off")));
        let after = policy(&(rule("a", "enforce") + &rule("b", "enforce") + &rule("d", "observe")));
        let said = changes(&before, &after, Timestamp::UNIX_EPOCH);
        assert_eq!(said, ["a: warn → enforce", "d: new → observe", "c: off → gone"]);
        assert!(changes(&after, &after, Timestamp::UNIX_EPOCH).is_empty());
    }
}
