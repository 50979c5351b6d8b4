//! The history of changes: the latest revisions, in memory.
//!
//! 1. Decisions depend on the history in memory; the store only outlives the process. A change
//!    therefore never waits for a disk.
//! 2. A change has an id, which is the same on every gateway that made it, and a number, which is
//!    this gateway's own.
//! 3. A change is undone rule by rule. If a later change of a person has replaced a part of it, the
//!    undo is refused. Later trips of the breaker stay, and no tripped rule is released.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;

use crate::breaker::Trip;
use crate::overrides::{Imposed, OverrideSlot, RolloutChange, RolloutOverrides, Shares};

/// One numbered change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its number on this gateway, from 1.
    pub revision: i64,
    /// Its id, the same on every gateway that made it.
    pub id: String,
    /// The time of the change.
    pub at: Timestamp,
    /// The name of the person who made the change, or `breaker`.
    pub actor: String,
    /// The reason.
    pub reason: String,
    /// `pause`, `resume`, `set`, `undo` or `trip`.
    pub action: String,
    /// The rule; none: all of them.
    pub rule: Option<String>,
    /// The phase that was set.
    pub phase: Option<Imposed>,
    /// The end of the phase that was set.
    pub until: Option<Timestamp>,
    /// The revision that this one undoes.
    pub undoes: Option<i64>,
}

/// A revision with the overrides before and after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The revision.
    pub revision: Revision,
    pub(crate) before: RolloutOverrides,
    pub(crate) after: RolloutOverrides,
    /// The trip, if the breaker made the change.
    pub(crate) trip: Option<Trip>,
}

/// A change to be made.
#[derive(Clone, Copy, Debug)]
pub struct PendingChange<'a> {
    /// The change.
    pub change: &'a RolloutChange,
    /// Its id.
    pub id: &'a str,
    /// The time of the change.
    pub at: Timestamp,
    /// The name of the person who makes it.
    pub actor: &'a str,
    /// The reason.
    pub reason: &'a str,
    /// The shares of callers that the rules refuse before it.
    pub shares: &'a Shares,
}

/// The reasons why a change cannot be undone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UndoError {
    /// Every change of a person is undone.
    #[error("there is nothing to undo")]
    Nothing,
    /// No remembered change has this id.
    #[error("there is no change {0}")]
    Unknown(String),
    /// It is undone already.
    #[error("change {id} is already undone, by change {by} of {actor}")]
    AlreadyUndone {
        /// The change.
        id: String,
        /// The undo.
        by: String,
        /// The name of the person who undid it.
        actor: String,
    },
    /// It is an undo itself.
    #[error("change {0} took another change back: to restore that one, make it again")]
    IsUndo(String),
    /// The breaker made it.
    #[error(
        "change {id} is a trip of the breaker, which cannot be undone: `upshift resume {rule}` \
         resumes the rule"
    )]
    IsTrip {
        /// The change.
        id: String,
        /// The rule.
        rule: String,
    },
    /// A later change of a person has replaced it.
    #[error(
        "change {id} was replaced by change {by} ({what}): undo {by} first, or set the rule to the \
         phase that it should have"
    )]
    Overtaken {
        /// The change.
        id: String,
        /// The later one.
        by: String,
        /// The action of that change, and its actor.
        what: String,
    },
}

/// The latest revisions, and the overrides that they add up to.
#[derive(Clone, Debug, Default)]
pub struct History {
    records: VecDeque<Arc<Record>>,
}

impl Revision {
    /// The action and its actor, as in `set orders-v2 warn by ada`.
    pub fn summary(&self) -> String {
        let phase = match self.phase {
            Some(phase) => format!(" {}", phase.as_str()),
            None => String::new(),
        };
        let rule = match (&self.rule, self.undoes) {
            (Some(rule), _) => format!(" {rule}"),
            // An undo concerns the rules of the change that it undoes.
            (None, Some(_)) => String::new(),
            (None, None) => " of all rules".to_owned(),
        };
        format!("{}{rule}{phase} by {}", self.action, self.actor)
    }
}

impl Record {
    /// The overrides after this revision.
    pub fn overrides(&self) -> &RolloutOverrides {
        &self.after
    }
}

impl History {
    /// The number of revisions that are remembered.
    pub const REMEMBERED: usize = 1_000;

    /// The history of `records`, in the order of their numbers.
    pub(crate) fn from_records(records: impl IntoIterator<Item = Record>) -> Self {
        Self { records: records.into_iter().map(Arc::new).collect() }
    }

    /// The records, the oldest first.
    pub fn records(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.iter()
    }

    /// The overrides in force.
    pub fn overrides(&self) -> RolloutOverrides {
        match self.records.back() {
            // Each record holds the whole state, so that old ones can be dropped.
            Some(latest) => latest.after.clone(),
            None => RolloutOverrides::default(),
        }
    }

    /// The number of the latest revision.
    pub fn latest_number(&self) -> Option<i64> {
        self.records.back().map(|latest| latest.revision.revision)
    }

    /// The revision of the change with this id.
    pub fn find_change(&self, id: &str) -> Option<&Revision> {
        let record = self.records.iter().find(|record| record.revision.id == id)?;
        Some(&record.revision)
    }

    /// The latest `limit` revisions, the newest first.
    pub fn latest_revisions(&self, limit: usize) -> Vec<Revision> {
        self.records.iter().rev().take(limit).map(|record| record.revision.clone()).collect()
    }

    /// Returns true if the change with this id can be undone now.
    pub fn can_undo(&self, id: &str) -> bool {
        match self.undoable_change(id) {
            Ok(record) => self.overrides_without(record).is_ok(),
            Err(_) => false,
        }
    }

    /// Returns true if an undo that names no change would find one.
    pub fn has_undoable_change(&self) -> bool {
        match self.latest_undoable_change() {
            Ok(record) => self.overrides_without(record).is_ok(),
            Err(_) => false,
        }
    }

    /// The latest `limit` trips of the breaker, the newest first.
    pub fn latest_trips(&self, limit: usize) -> Vec<Trip> {
        let trips = self.records.iter().rev().filter_map(|record| record.trip.clone());
        trips.take(limit).collect()
    }

    /// The overrides after `change`, which is not made, and the revision that it would undo.
    ///
    /// # Errors
    /// If it is the undo of a change that cannot be undone.
    pub fn preview_change(
        &self,
        change: &RolloutChange,
        at: Timestamp,
    ) -> Result<(RolloutOverrides, Option<&Revision>), UndoError> {
        // The caller compares phases and shares, which do not depend on the actor or the reason.
        self.outcome_of(change, at, "", "")
    }

    /// Makes a change. It is in force from now on.
    ///
    /// # Errors
    /// If it is the undo of a change that cannot be undone.
    pub fn make_change(&mut self, pending: PendingChange<'_>) -> Result<Arc<Record>, UndoError> {
        let (mut after, undone) =
            self.outcome_of(pending.change, pending.at, pending.actor, pending.reason)?;
        // Computed from the overrides in force, before the record is pushed.
        after.note_stops(&self.overrides(), pending.shares, pending.at);
        let undoes = undone.map(|undone| undone.revision);
        Ok(self.push_record(pending, after, undoes, None))
    }

    /// Makes the change of a trip. `shares` are the shares of callers that the rules refuse before
    /// it.
    pub fn record_trip(&mut self, trip: &Trip, id: &str, shares: &Shares) -> Arc<Record> {
        let change = RolloutChange::Trip { rule: trip.rule.to_string() };
        // The time of the crossing, even if it is recorded slightly later.
        let (at, reason) = (trip.at, trip.summary());
        let mut after = self.overrides();
        after.apply_change(&change, at, "breaker", &reason);
        after.note_stops(&self.overrides(), shares, at);
        let pending =
            PendingChange { change: &change, id, at, actor: "breaker", reason: &reason, shares };
        self.push_record(pending, after, None, Some(trip.clone()))
    }

    fn outcome_of(
        &self,
        change: &RolloutChange,
        at: Timestamp,
        actor: &str,
        reason: &str,
    ) -> Result<(RolloutOverrides, Option<&Revision>), UndoError> {
        if let RolloutChange::Undo(id) = change {
            let record = match id {
                Some(id) => self.undoable_change(id)?,
                None => self.latest_undoable_change()?,
            };
            return Ok((self.overrides_without(record)?, Some(&record.revision)));
        }
        let mut after = self.overrides();
        after.apply_change(change, at, actor, reason);
        Ok((after, None))
    }

    fn push_record(
        &mut self,
        pending: PendingChange<'_>,
        after: RolloutOverrides,
        undoes: Option<i64>,
        trip: Option<Trip>,
    ) -> Arc<Record> {
        let PendingChange { change, id, at, actor, reason, .. } = pending;
        let (phase, until) = match change {
            RolloutChange::Set { imposed, until, .. } => (Some(*imposed), *until),
            _ => (None, None),
        };
        let revision = Revision {
            // From 1: in the API, 0 is the number before the first change.
            revision: self.latest_number().unwrap_or(0) + 1,
            id: id.to_owned(),
            at,
            actor: actor.to_owned(),
            reason: reason.to_owned(),
            action: change.action().to_owned(),
            rule: change.rule().map(str::to_owned),
            phase,
            until,
            undoes,
        };
        let record = Arc::new(Record { revision, before: self.overrides(), after, trip });
        self.records.push_back(Arc::clone(&record));
        // The store keeps more; a change that is no longer in memory cannot be undone.
        if self.records.len() > Self::REMEMBERED {
            self.records.pop_front();
        }
        record
    }

    /// The latest change by a person that has not been undone.
    fn latest_undoable_change(&self) -> Result<&Record, UndoError> {
        for record in self.records.iter().rev() {
            // Undos are skipped, because they cannot be undone: repeated undos go further back.
            if record.is_of_person() && self.undo_of(record).is_none() {
                return Ok(record);
            }
        }
        Err(UndoError::Nothing)
    }

    /// The change with this id, if it can be undone.
    fn undoable_change(&self, id: &str) -> Result<&Record, UndoError> {
        let Some(record) = self.records.iter().find(|record| record.revision.id == id) else {
            return Err(UndoError::Unknown(id.to_owned()));
        };
        let revision = &record.revision;
        match (revision.action.as_str(), self.undo_of(record)) {
            ("undo", _) => Err(UndoError::IsUndo(id.to_owned())),
            ("trip", _) => {
                // A trip always names its rule.
                let rule = revision.rule.clone().unwrap_or_default();
                Err(UndoError::IsTrip { id: id.to_owned(), rule })
            }
            (_, Some(undo)) => Err(UndoError::AlreadyUndone {
                id: id.to_owned(),
                by: undo.id.clone(),
                actor: undo.actor.clone(),
            }),
            (_, None) => Ok(record),
        }
    }

    /// The revision that undoes `record`, if there is one.
    fn undo_of(&self, record: &Record) -> Option<&Revision> {
        let number = Some(record.revision.revision);
        // At most one: a change that is undone already cannot be undone again.
        let undo = self.records.iter().find(|later| later.revision.undoes == number)?;
        Some(&undo.revision)
    }

    /// The overrides in force without the effect of `record`.
    fn overrides_without(&self, record: &Record) -> Result<RolloutOverrides, UndoError> {
        let mut now = self.overrides();
        for slot in record.before.differing_slots(&record.after) {
            // No later change has replaced this part of the change.
            if now.slot(&slot) == record.after.slot(&slot) {
                let before = match record.before.slot(&slot) {
                    Some(before) if !tripped_since(&slot, record, &now) => Some(before.clone()),
                    _ => None,
                };
                now.set_slot(&slot, before);
                continue;
            }
            // A later trip in the slot stays. A later change by a person must not be lost.
            if let Some(later) = self.last_change_of(&slot, record)
                && later.action != "trip"
            {
                return Err(UndoError::Overtaken {
                    id: record.revision.id.clone(),
                    by: later.id.clone(),
                    what: later.summary(),
                });
            }
        }
        Ok(now)
    }

    /// The latest revision after `record` that changed `slot` and is not undone.
    fn last_change_of(&self, slot: &OverrideSlot, record: &Record) -> Option<&Revision> {
        for later in self.records.iter().rev() {
            if later.revision.revision <= record.revision.revision {
                return None;
            }
            // An undo and the change that it undid cancel each other out.
            let is_standing = later.revision.undoes.is_none() && self.undo_of(later).is_none();
            if is_standing && later.before.slot(slot) != later.after.slot(slot) {
                return Some(&later.revision);
            }
        }
        None
    }
}

impl Record {
    fn is_of_person(&self) -> bool {
        !matches!(self.revision.action.as_str(), "undo" | "trip")
    }
}

/// Returns true if the breaker demoted the rule of a pin after `record`. The pin would override the
/// trip.
fn tripped_since(slot: &OverrideSlot, record: &Record, now: &RolloutOverrides) -> bool {
    let OverrideSlot::Pin(rule) = slot else { return false };
    let trip = OverrideSlot::Trip(rule.clone());
    now.slot(&trip).is_some() && record.before.slot(&trip).is_none()
}

#[cfg(test)]
mod tests;
