//! Reloading a gateway while it runs.

pub(crate) mod changes;
mod check;
mod restart_keys;
mod values;

use std::sync::Arc;

use upshift_core::{Policy, Timestamp};
use upshift_record::canary::CanaryReport;

use self::changes::ReloadChange;
pub use self::check::ReloadError;
pub use self::restart_keys::NeedsRestart;
use crate::error::{StartError, refuse_opossum};
use crate::generation::Generation;
use crate::rollout::ControlledFile;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::telemetry::access::AccessOutput;
use crate::upstream::metrics::endpoint_names;

/// A handle on a running gateway. All clones refer to the same one.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// The outcome of a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReloadOutcome {
    /// Everything that was added, removed or changed, except for the keys that only a restart applies.
    pub changes: Vec<ReloadChange>,
    /// The settings of the file that only a restart applies.
    pub needs_restart: Vec<NeedsRestart>,
    /// Effects that may surprise, one sentence each.
    pub warnings: Vec<String>,
    /// The effect on the callers of the last minutes.
    pub canary: CanaryReport,
}

/// A reload that has been read and checked, and is not in force yet. Dropping it changes nothing.
pub struct PreparedReload {
    next: Generation,
    outcome: ReloadOutcome,
    /// The destination of access records, if it is another one.
    access: Option<AccessOutput>,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Replaces everything but the listeners and the store, for the next request on. Open
    /// connections and overrides stay.
    ///
    /// # Errors
    /// If a gateway would not start with the new settings, or they lack rules, upstreams, a
    /// certificate or an admin token that the running gateway needs. The old settings then stay in
    /// force.
    pub fn reload(&self, settings: Settings) -> Result<ReloadOutcome, ReloadError> {
        match self.prepare_reload(settings) {
            Ok(prepared) => Ok(self.apply_reload(prepared)),
            Err(error) => {
                self.count_failed_reload();
                Err(error)
            }
        }
    }

    /// Reads and checks everything that a reload needs, and changes nothing. This reads files;
    /// [`Handle::apply_reload`] does not.
    ///
    /// # Errors
    /// Those of [`Handle::reload`].
    pub fn prepare_reload(&self, settings: Settings) -> Result<PreparedReload, ReloadError> {
        let current = self.shared.generation.load_full();
        let running = &current.settings;
        let needs_restart =
            restart_keys::needs_restart(&running.file.gateway, &settings.file.gateway);
        let next_settings = check::merge_settings(running, settings)?;
        refuse_opossum(&next_settings)?;
        let mut changes = changes::setting_changes(running, &next_settings);
        let warnings = check::reload_warnings(&current.policy, &next_settings);
        let policy = Arc::clone(&current.policy);
        let next =
            Generation::build(next_settings, policy, Some(&current)).map_err(StartError::from)?;
        changes.extend(changes::file_changes(&current.files, &next.files));
        let canary =
            self.shared.control.try_file_policy(&next.settings.file.policy, Timestamp::now());
        let outcome = ReloadOutcome { changes, needs_restart, warnings, canary };
        let access = other_access_output(&current.settings, &next.settings)?;
        Ok(PreparedReload { next, outcome, access })
    }

    /// Puts a prepared reload in force, and counts it.
    pub fn apply_reload(&self, prepared: PreparedReload) -> ReloadOutcome {
        let PreparedReload { next, outcome, access } = prepared;
        let Shared { generation, control, descriptors, .. } = &*self.shared;
        let settings = Arc::clone(&next.settings);
        let connections = settings.file.limits.connections;
        if connections > generation.load().settings.file.limits.connections {
            descriptors.warn_if_fewer(connections);
        }
        let file = ControlledFile::from_settings(&settings);
        // Overrides may have changed since the reload was prepared, so the effective policy is
        // computed here, under the lock of `control`.
        control.reload(file, Timestamp::now(), |effective| {
            generation.store(Arc::new(next.under_policy(Arc::new(effective))));
        });
        if let Some(access) = access {
            self.shared.access.redirect(access);
        }
        let current = generation.load();
        let endpoints = endpoint_names(&current.upstream_health);
        let mut totals = self.shared.totals();
        totals.count_reload(&current.policy, &endpoints);
        for ReloadChange { subject, kind, .. } in &outcome.changes {
            totals.count_reload_change(subject, kind.as_str());
        }
        outcome
    }

    /// Opens the file of the access record again: the one that it was may have been moved away.
    pub fn reopen_access_record(&self) {
        self.shared.access.reopen();
    }

    /// Counts a reload whose file could not be read, or was rejected.
    pub fn count_failed_reload(&self) {
        self.shared.totals().count_failed_reload();
    }

    /// The effective policy, overrides included.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.shared.generation.load().policy)
    }
}

/// Opens the destination of access records of `next`, if it is not the one in use.
fn other_access_output(
    running: &Settings,
    next: &Settings,
) -> Result<Option<AccessOutput>, StartError> {
    let destination = next.file.gateway.access_log.destination();
    if running.file.gateway.access_log.destination() == destination {
        return Ok(None);
    }
    AccessOutput::open(destination).map(Some).map_err(StartError::AccessRecord)
}
