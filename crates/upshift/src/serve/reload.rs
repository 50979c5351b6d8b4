//! Reading the policy file again while the gateway runs.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::time::timeout;
use upshift_config::make_visible;
use upshift_core::{Policy, Timestamp};
use upshift_gateway::{Handle, Prepared, Reloaded, Settings};

use super::watch::WatchedFiles;
use super::{short_revision, supervisor};
use crate::policy_file::{self, PolicyFile};
use crate::state::usual_store;
use crate::terminal::print_stderr;
use crate::verb_error::VerbError;

/// How long all files of a reload together may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What reloads, and what it reloads into.
#[derive(Clone)]
pub(super) struct Reloader {
    file: PolicyFile,
    observe: bool,
    handle: Handle,
    watched: WatchedFiles,
    /// Chosen at the start, if the file left it open; a reload does not choose again.
    store: Option<PathBuf>,
}

impl Reloader {
    pub(super) fn new(
        file: PolicyFile,
        observe: bool,
        handle: Handle,
        watched: WatchedFiles,
        store: Option<PathBuf>,
    ) -> Self {
        Self { file, observe, handle, watched, store }
    }

    /// Reloads at each wish, for ever.
    pub(super) async fn reload_on_request(self, mut wishes: Receiver<()>) {
        while wishes.recv().await.is_some() {
            supervisor::notify_reloading();
            self.reload_once().await;
            supervisor::notify_ready();
        }
        std::future::pending::<()>().await;
    }

    /// Reads the file; keeps the last good policy if the new one is wrong, and says so.
    async fn reload_once(&self) {
        let path = self.file.path.display();
        let before = self.handle.policy();
        let Some(prepared) = self.read_in_time().await else {
            self.handle.reload_failed();
            print_stderr(format_args!(
                "{path} was not reloaded: policy {} stays in force",
                short_revision(before.revision())
            ));
            return;
        };
        let Reloaded { changes, needs_restart, warnings } = self.handle.take_up(prepared);
        let after = self.handle.policy();
        print_stderr(format_args!("{path} reloaded: policy {}", short_revision(after.revision())));
        let phases = phase_changes(&before, &after, Timestamp::now());
        if phases.is_empty() && changes.is_empty() && needs_restart.is_empty() {
            print_stderr("  nothing that takes effect is different");
        }
        phases.iter().for_each(|change| print_stderr(format_args!("  {change}")));
        changes.iter().for_each(|change| {
            print_stderr(format_args!("  {}", make_visible(&change.to_string())))
        });
        needs_restart.iter().for_each(|setting| print_stderr(format_args!("  warning: {setting}")));
        warnings
            .iter()
            .for_each(|warning| print_stderr(format_args!("  warning: {}", make_visible(warning))));
    }

    /// Reads in a thread of its own: a file may be on a network that does not answer, and signals
    /// are obeyed meanwhile. What comes too late is dropped, and was never in force.
    async fn read_in_time(&self) -> Option<Prepared> {
        let path = self.file.path.display();
        let (done, outcome) = oneshot::channel();
        let reloader = self.clone();
        let reading = thread::Builder::new().name("upshift reload".to_owned());
        let started = reading.spawn(move || {
            if done.send(reloader.read_settings()).is_err() {
                print_stderr(format_args!(
                    "{} answers again: SIGHUP reloads it",
                    reloader.file.path.display()
                ));
            }
        });
        if let Err(error) = started {
            print_stderr(format_args!("error: no thread can be started: {error}"));
            return None;
        }
        if let Ok(read) = timeout(PATIENCE, outcome).await {
            return read.ok().flatten();
        }
        let seconds = PATIENCE.as_secs();
        print_stderr(format_args!(
            "error: the policy file {path}, or a file that it names, does not answer for {seconds} s"
        ));
        None
    }

    /// Reads and checks everything; says what is wrong.
    fn read_settings(&self) -> Option<Prepared> {
        let settings = match self.load_settings() {
            Ok(settings) => Settings { observe: self.observe, ..settings },
            Err(error) => {
                error.print_and_exit();
                return None;
            }
        };
        match self.handle.prepare(settings) {
            Ok(prepared) => Some(prepared),
            Err(error) => {
                print_stderr(format_args!("error: {error}"));
                None
            }
        }
    }

    fn load_settings(&self) -> Result<Settings, VerbError> {
        self.watched.policy_is_read();
        self.file.must_be_regular()?;
        let text = policy_file::reread_policy(&self.file.path)?;
        load_settings(&self.file, text, &self.watched, &mut self.store.clone())
    }
}

/// The settings of a policy file with this text; what it names is watched before it is loaded.
/// A store that the file leaves open is where it was chosen to be, and is chosen if it was not.
pub(super) fn load_settings(
    file: &PolicyFile,
    text: String,
    watched: &WatchedFiles,
    chosen: &mut Option<PathBuf>,
) -> Result<Settings, VerbError> {
    let mut parsed = file.parse_text(text)?;
    if let Some(beside) = parsed.usual_store() {
        let store = chosen.get_or_insert_with(|| usual_store(beside)).clone();
        parsed.set_store(store);
    }
    watched.named_are_read(parsed.named_files());
    parsed.into_settings()
}

/// The phases that change now, rule by rule: `orders-v2: warn → enforce`.
fn phase_changes(before: &Policy, after: &Policy, now: Timestamp) -> Vec<String> {
    let mut changes = Vec::new();
    for rule in after.rules() {
        let phase = rule.rollout_state(now).phase;
        match before.rule(&rule.id).map(|old| old.rollout_state(now).phase) {
            Some(old) if old == phase => {}
            Some(old) => changes.push(format!("{}: {old} → {phase}", rule.id)),
            None => changes.push(format!("{}: new → {phase}", rule.id)),
        }
    }
    for rule in before.rules() {
        if after.rule(&rule.id).is_none() {
            changes.push(format!("{}: {} → gone", rule.id, rule.rollout_state(now).phase));
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
        let said = phase_changes(&before, &after, Timestamp::UNIX_EPOCH);
        assert_eq!(said, ["a: warn → enforce", "d: new → observe", "c: off → gone"]);
        assert!(phase_changes(&after, &after, Timestamp::UNIX_EPOCH).is_empty());
    }
}
