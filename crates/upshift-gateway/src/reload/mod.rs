//! Reloading a gateway while it runs.

mod check;
pub(crate) mod difference;

use std::sync::Arc;

use upshift_core::{Policy, Timestamp};

pub use self::check::{NeedsRestart, ReloadError};
use self::difference::Difference;
use crate::error::{StartError, refuse_opossum};
use crate::generation::Generation;
use crate::settings::Settings;
use crate::shared::Shared;

/// A handle on a running gateway. Clones act on the same one.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// The outcome of a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// All that is new, gone or different, except what takes a restart.
    pub changes: Vec<Difference>,
    /// Settings of the file that take effect at the next start only.
    pub needs_restart: Vec<NeedsRestart>,
    /// What will surprise, a sentence each.
    pub warnings: Vec<String>,
}

/// A reload of which everything is read and checked, and nothing is in force. Dropped, it changes
/// nothing.
pub struct Prepared {
    next: Generation,
    reloaded: Reloaded,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Replaces everything but the listeners and the store, at once and for the next request on.
    /// Open connections stay, and so do overrides. The outcome names what differs and what takes a
    /// restart.
    ///
    /// # Errors
    /// If a gateway would not start with the new settings, or they lack the rules, the upstreams,
    /// the certificate or the admin token that the old ones have and that are needed; the old ones
    /// then stay in force.
    pub fn reload(&self, settings: Settings) -> Result<Reloaded, ReloadError> {
        match self.prepare(settings) {
            Ok(prepared) => Ok(self.take_up(prepared)),
            Err(error) => {
                self.reload_failed();
                Err(error)
            }
        }
    }

    /// Reads and checks everything that a reload needs, and puts nothing in force. It waits for
    /// disks; [`Handle::take_up`] does not.
    ///
    /// # Errors
    /// Those of [`Handle::reload`].
    pub fn prepare(&self, settings: Settings) -> Result<Prepared, ReloadError> {
        let current = self.shared.generation.load_full();
        let running = &current.settings;
        let needs_restart = check::needs_restart(running, &settings);
        let settings = check::taken_up(running, settings)?;
        refuse_opossum(&settings)?;
        let mut changes = difference::differences(running, &settings);
        let warnings = check::warnings(&current.policy, &settings);
        let policy = Arc::clone(&current.policy);
        let next = Generation::build(settings, policy, Some(&current)).map_err(StartError::from)?;
        changes.extend(difference::file_differences(&current.files, &next.files));
        Ok(Prepared { next, reloaded: Reloaded { changes, needs_restart, warnings } })
    }

    /// Puts in force what was prepared, and counts the reload.
    pub fn take_up(&self, prepared: Prepared) -> Reloaded {
        let Prepared { next, reloaded } = prepared;
        let Shared { generation, control, descriptors, .. } = &*self.shared;
        let settings = Arc::clone(&next.settings);
        let connections = settings.file.limits.connections;
        if connections > generation.load().settings.file.limits.connections {
            descriptors.warn_if_fewer(connections);
        }
        let (policy, webhook) = (settings.file.policy.clone(), settings.file.webhook.clone());
        control.reload(policy, webhook, Timestamp::now(), |effective| {
            generation.store(Arc::new(next.under_policy(Arc::new(effective))));
        });
        let mut totals = self.shared.totals();
        totals.reloaded(true);
        for Difference { kind, how, .. } in &reloaded.changes {
            totals.count_change(kind, how.as_str());
        }
        reloaded
    }

    /// Counts a reload that failed before there was anything to take up: the file could not be
    /// read, or was refused.
    pub fn reload_failed(&self) {
        self.shared.totals().reloaded(false);
    }

    /// The effective policy, overrides included.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.shared.generation.load().policy)
    }
}
