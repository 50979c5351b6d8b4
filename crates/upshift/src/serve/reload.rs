//! Reloading the policy file while the gateway runs.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;
use tokio::time::timeout;
use upshift_core::{Policy, Timestamp};
use upshift_gateway::{Handle, PreparedReload, ReloadOutcome, Settings};

use super::origin::origin_of;
use super::supervisor;
use super::watch::WatchedFiles;
use crate::policy_file::{self, PolicyFile};
use crate::state::usual_store;
use crate::terminal::print_stderr;
use crate::verb_error::VerbError;

/// The time limit for reading all files of a reload.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Reloads the policy file into a running gateway.
#[derive(Clone)]
pub(super) struct Reloader {
    file: PolicyFile,
    observe: bool,
    handle: Handle,
    watched: WatchedFiles,
    /// The place that was chosen for the store at the start, if the file does not name one. A
    /// reload must not choose again: pauses are in the store.
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

    /// Reloads at each request. Never returns.
    pub(super) async fn reload_on_request(self, mut requests: Receiver<()>) {
        while requests.recv().await.is_some() {
            supervisor::notify_reloading();
            self.reload_once().await;
            // Also after a reload that failed: a service manager waits for READY after RELOADING
            // (sd_notify(3)).
            supervisor::notify_ready();
        }
        // The requests end only with the runtime. Returning would end the `select!` of `serve`.
        std::future::pending::<()>().await;
    }

    /// Reloads the file and prints what changed. If the file is wrong, the last good policy stays.
    async fn reload_once(&self) {
        let path = self.file.path.display();
        let before = self.handle.policy();
        let Some(prepared) = self.read_in_time().await else {
            self.handle.count_failed_reload();
            print_stderr(format_args!(
                "{path} was not reloaded: policy {} stays in force",
                short_revision(before.revision())
            ));
            return;
        };
        let outcome = self.handle.apply_reload(prepared);
        let ReloadOutcome { changes, needs_restart, warnings, canary } = outcome;
        let after = self.handle.policy();
        print_stderr(format_args!("{path} reloaded: policy {}", short_revision(after.revision())));
        let phases = phase_changes(&before, &after, Timestamp::now());
        if phases.is_empty() && changes.is_empty() && needs_restart.is_empty() {
            print_stderr("  no settings changed");
        }
        for change in phases {
            print_stderr(format_args!("  {change}"));
        }
        for change in changes {
            print_stderr(format_args!("  {change}"));
        }
        for setting in needs_restart {
            print_stderr(format_args!("  warning: {setting}"));
        }
        for warning in warnings {
            print_stderr(format_args!("  warning: {warning}"));
        }
        if canary.newly_refused > 0 {
            print_stderr(format_args!("  warning: {canary}"));
        }
    }

    /// Reads the files in a thread of its own: a file may be on a network file system that hangs,
    /// and signals have to work meanwhile. Settings that come too late are dropped.
    async fn read_in_time(&self) -> Option<PreparedReload> {
        let path = self.file.path.display();
        let (sender, receiver) = oneshot::channel();
        // The thread has no runtime and owns what it uses, because it may outlive this call.
        let reloader = self.clone();
        let thread = thread::Builder::new().name("upshift reload".to_owned());
        let started = thread.spawn(move || {
            // The receiver is gone if the time limit has passed.
            if sender.send(reloader.read_settings()).is_err() {
                let file = reloader.file.path.display();
                print_stderr(format_args!("{file} answers again: SIGHUP reloads it"));
            }
        });
        if let Err(error) = started {
            print_stderr(format_args!("error: cannot start a thread: {error}"));
            return None;
        }
        if let Ok(received) = timeout(TIME_LIMIT, receiver).await {
            // An error means that the thread panicked, which has printed its message.
            return received.unwrap_or(None);
        }
        let seconds = TIME_LIMIT.as_secs();
        print_stderr(format_args!(
            "error: the policy file {path}, or a file that it names, could not be read within \
             {seconds} s"
        ));
        None
    }

    /// Reads and checks all files, and prints what is wrong with them.
    fn read_settings(&self) -> Option<PreparedReload> {
        let settings = match self.load_settings() {
            Ok(settings) => Settings { observe: self.observe, ..settings },
            Err(error) => {
                // The exit code is for a verb that ends. A running gateway only prints the error.
                error.print_and_return_exit();
                return None;
            }
        };
        match self.handle.prepare_reload(settings) {
            Ok(prepared) => Some(prepared),
            Err(error) => {
                print_stderr(format_args!("error: {error}"));
                None
            }
        }
    }

    fn load_settings(&self) -> Result<Settings, VerbError> {
        self.watched.record_policy();
        self.file.must_be_regular()?;
        let text = policy_file::reread_policy(&self.file.path)?;
        // A copy, so that a place that is chosen here is forgotten: the store moves at a restart
        // only.
        load_settings(&self.file, text, &self.watched, &mut self.store.clone())
    }
}

/// Loads the settings of a policy file with this text. The files that it names are watched from
/// before they are read. `chosen` is the place of the store if the file does not name one; the
/// first call chooses it.
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
    watched.record_named(parsed.named_files());
    Ok(Settings {
        telemetry_variables: telemetry_variables(),
        origin: origin_of(&file.path),
        ..parsed.into_settings()?
    })
}

/// The environment variables that all programs with OpenTelemetry read.
fn telemetry_variables() -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for (name, value) in env::vars_os() {
        // None of them has a value that is not UTF-8.
        if let (Some(name), Some(value)) = (name.to_str(), value.to_str())
            && name.starts_with("OTEL_")
        {
            variables.insert(name.to_owned(), value.to_owned());
        }
    }
    variables
}

/// Shortens a revision to its first eight digits, for people.
pub(super) fn short_revision(revision: &str) -> &str {
    // A gateway makes revisions of this form only; slicing would panic if one ever differed.
    revision.get(.."sha256:".len() + 8).unwrap_or(revision)
}

/// Lists the rules whose phase changes now: `orders-v2: warn → enforce`.
fn phase_changes(before: &Policy, after: &Policy, now: Timestamp) -> Vec<String> {
    // Both policies at one time: a phase that begins by the calendar meanwhile is no change.
    let mut changes = Vec::new();
    for rule in after.rules() {
        let phase = rule.rollout_state(now).phase;
        let Some(old_rule) = before.rule(&rule.id) else {
            changes.push(format!("{}: new → {phase}", rule.id));
            continue;
        };
        let old_phase = old_rule.rollout_state(now).phase;
        if old_phase != phase {
            changes.push(format!("{}: {old_phase} → {phase}", rule.id));
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
