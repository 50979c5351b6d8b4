//! What was imposed so far: the latest revisions, in memory.
//!
//! 1. Everything that decides reads this; the store only outlives the process. So a change waits
//!    for no disk.
//! 2. A change has an id, which is the same on every gateway that made it, and a number, which is
//!    this gateway's.
//! 3. A change is taken back rule by rule. What a later change of a person put in its place is not
//!    touched: that undo is refused. What the breaker did since stays, too, and opens no latch.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;

use crate::breaker::Trip;
use crate::overrides::{Change, Imposed, Key, Overrides, Shares};

/// One numbered change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its number on this gateway, from 1.
    pub revision: i64,
    /// Its id, the same on every gateway that made it.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// The name of the person who made the change, or `breaker`.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// `pause`, `resume`, `set`, `undo` or `trip`.
    pub action: String,
    /// The rule; `None` for all of them.
    pub rule: Option<String>,
    /// The phase that was set.
    pub phase: Option<Imposed>,
    /// Until when it was set.
    pub until: Option<Timestamp>,
    /// The revision that this one takes back.
    pub undoes: Option<i64>,
}

/// A revision with what held before and after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The revision.
    pub revision: Revision,
    pub(crate) before: Overrides,
    pub(crate) after: Overrides,
    /// The callers that were hit, if the breaker made it.
    pub(crate) trip: Option<Trip>,
}

/// A change that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// What.
    pub change: &'a Change,
    /// Its id.
    pub id: &'a str,
    /// When.
    pub at: Timestamp,
    /// The name of the person who asks for it.
    pub actor: &'a str,
    /// Why.
    pub reason: &'a str,
    /// The share that was refused until then.
    pub shares: &'a Shares,
}

/// Why a change cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UndoError {
    /// No change of a person still stands.
    #[error("there is nothing to undo")]
    Nothing,
    /// No remembered change has this id.
    #[error("there is no change {0}")]
    Unknown(String),
    /// It is undone.
    #[error("change {id} is undone already, by change {by} of {actor}")]
    AlreadyUndone {
        /// The change.
        id: String,
        /// The undo.
        by: String,
        /// The name of the person who undid it.
        actor: String,
    },
    /// It is an undo itself.
    #[error("change {0} took another change back: to have that again, make it again")]
    IsUndo(String),
    /// The breaker made it.
    #[error(
        "change {id} is the breaker's, and is not undone: `upshift resume {rule}` lets the rule go on"
    )]
    IsTrip {
        /// The change.
        id: String,
        /// The rule.
        rule: String,
    },
    /// A later change of a person stands in its place.
    #[error(
        "change {id} was overtaken by change {by} ({what}): undo {by} first, or set the rule as it should be"
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

/// The latest revisions, and what they add up to.
#[derive(Clone, Debug, Default)]
pub struct History {
    records: VecDeque<Arc<Record>>,
}

impl Revision {
    /// The action and its actor: `set orders-v2 warn by ada`.
    pub fn sentence(&self) -> String {
        let phase = self.phase.map(|phase| format!(" {}", phase.as_str())).unwrap_or_default();
        let rule = match (&self.rule, self.undoes) {
            (Some(rule), _) => format!(" {rule}"),
            (None, Some(_)) => String::new(),
            (None, None) => " of all rules".to_owned(),
        };
        format!("{}{rule}{phase} by {}", self.action, self.actor)
    }
}

impl Record {
    /// What holds from this revision on.
    pub fn overrides(&self) -> &Overrides {
        &self.after
    }
}

impl History {
    /// As many revisions are remembered.
    pub const REMEMBERED: usize = 1_000;

    /// Of records in the order of their numbers.
    pub(crate) fn of(records: impl IntoIterator<Item = Record>) -> Self {
        Self { records: records.into_iter().map(Arc::new).collect() }
    }

    /// The records, the oldest first.
    pub fn records(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.iter()
    }

    /// What is imposed now.
    pub fn overrides(&self) -> Overrides {
        self.records.back().map(|latest| latest.after.clone()).unwrap_or_default()
    }

    /// The number of the latest revision.
    pub fn latest(&self) -> Option<i64> {
        self.records.back().map(|latest| latest.revision.revision)
    }

    /// The revision of the change with this id.
    pub fn find(&self, id: &str) -> Option<&Revision> {
        self.records.iter().map(|record| &record.revision).find(|revision| revision.id == id)
    }

    /// The latest `limit` revisions, the newest first.
    pub fn revisions(&self, limit: usize) -> Vec<Revision> {
        self.records.iter().rev().take(limit).map(|record| record.revision.clone()).collect()
    }

    /// The latest `limit` trips of the breaker, the newest first.
    pub fn trips(&self, limit: usize) -> Vec<Trip> {
        self.records.iter().rev().filter_map(|record| record.trip.clone()).take(limit).collect()
    }

    /// What would be imposed after a change that is not made, and the revision that it would take
    /// back.
    ///
    /// # Errors
    /// If it is an undo of what cannot be undone.
    pub fn preview(
        &self,
        change: &Change,
        at: Timestamp,
    ) -> Result<(Overrides, Option<&Revision>), UndoError> {
        self.outcome(change, at, "", "")
    }

    /// Makes a change. It holds from now on.
    ///
    /// # Errors
    /// If it is an undo of what cannot be undone.
    pub fn change(&mut self, order: Order<'_>) -> Result<Arc<Record>, UndoError> {
        let (mut after, undone) =
            self.outcome(order.change, order.at, order.actor, order.reason)?;
        after.note_stops(&self.overrides(), order.shares, order.at);
        let undoes = undone.map(|undone| undone.revision);
        Ok(self.add(order, after, undoes, None))
    }

    /// Makes the breaker's change, and remembers who was hit. `shares` is what is refused until
    /// then.
    pub fn trip(&mut self, trip: &Trip, id: &str, shares: &Shares) -> Arc<Record> {
        let change = Change::Trip { rule: trip.rule.to_string() };
        let (at, reason) = (trip.at, trip.sentence());
        let mut after = self.overrides();
        after.apply(&change, at, "breaker", &reason);
        after.note_stops(&self.overrides(), shares, at);
        let order = Order { change: &change, id, at, actor: "breaker", reason: &reason, shares };
        self.add(order, after, None, Some(trip.clone()))
    }

    fn outcome(
        &self,
        change: &Change,
        at: Timestamp,
        actor: &str,
        reason: &str,
    ) -> Result<(Overrides, Option<&Revision>), UndoError> {
        if let Change::Undo(id) = change {
            let record = self.undoable(id.as_deref())?;
            return Ok((self.without(record)?, Some(&record.revision)));
        }
        let mut after = self.overrides();
        after.apply(change, at, actor, reason);
        Ok((after, None))
    }

    fn add(
        &mut self,
        order: Order<'_>,
        after: Overrides,
        undoes: Option<i64>,
        trip: Option<Trip>,
    ) -> Arc<Record> {
        let Order { change, id, at, actor, reason, .. } = order;
        let (phase, until) = match change {
            Change::Set { imposed, until, .. } => (Some(*imposed), *until),
            _ => (None, None),
        };
        let revision = Revision {
            revision: self.latest().unwrap_or(0) + 1,
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
        if self.records.len() > Self::REMEMBERED {
            self.records.pop_front();
        }
        record
    }

    /// The change to take back: that of the id, or the latest of a person that still stands.
    fn undoable(&self, id: Option<&str>) -> Result<&Record, UndoError> {
        let Some(id) = id else {
            let mut latest_first = self.records.iter().rev();
            let found =
                latest_first.find(|record| record.is_a_persons() && self.undo_of(record).is_none());
            return found.map(|record| &**record).ok_or(UndoError::Nothing);
        };
        let found = self.records.iter().find(|record| record.revision.id == id);
        let record = found.ok_or_else(|| UndoError::Unknown(id.to_owned()))?;
        let revision = &record.revision;
        match (revision.action.as_str(), self.undo_of(record)) {
            ("undo", _) => Err(UndoError::IsUndo(id.to_owned())),
            ("trip", _) => {
                let rule = revision.rule.clone().unwrap_or_default();
                Err(UndoError::IsTrip { id: id.to_owned(), rule })
            }
            (_, Some(undo)) => {
                let Revision { id: by, actor, .. } = undo.clone();
                Err(UndoError::AlreadyUndone { id: id.to_owned(), by, actor })
            }
            (_, None) => Ok(record),
        }
    }

    fn undo_of(&self, record: &Record) -> Option<&Revision> {
        let number = Some(record.revision.revision);
        self.records.iter().map(|later| &later.revision).find(|later| later.undoes == number)
    }

    /// What is imposed now, but for what `record` did.
    fn without(&self, record: &Record) -> Result<Overrides, UndoError> {
        let mut now = self.overrides();
        for key in record.before.differing(&record.after) {
            if now.get(&key) == record.after.get(&key) {
                let before = record.before.get(&key).filter(|_| !latched_since(&key, record, &now));
                now.put(&key, before.cloned());
            } else if let Some(later) =
                self.last_change_of(&key, record).filter(|later| later.action != "trip")
            {
                return Err(UndoError::Overtaken {
                    id: record.revision.id.clone(),
                    by: later.id.clone(),
                    what: later.sentence(),
                });
            }
        }
        Ok(now)
    }

    /// The latest revision after `record` that changed what stands under `key`, and still stands
    /// itself.
    fn last_change_of(&self, key: &Key, record: &Record) -> Option<&Revision> {
        let later = self
            .records
            .iter()
            .rev()
            .take_while(|later| later.revision.revision > record.revision.revision);
        let mut standing =
            later.filter(|later| later.revision.undoes.is_none() && self.undo_of(later).is_none());
        let changing = standing.find(|later| later.before.get(key) != later.after.get(key));
        changing.map(|later| &later.revision)
    }
}

impl Record {
    fn is_a_persons(&self) -> bool {
        !matches!(self.revision.action.as_str(), "undo" | "trip")
    }
}

/// Tells whether the breaker demoted the rule of a pin after `record`: the pin would beat that
/// latch.
fn latched_since(key: &Key, record: &Record, now: &Overrides) -> bool {
    let Key::Pin(rule) = key else { return false };
    let trip = Key::Trip(rule.clone());
    now.get(&trip).is_some() && record.before.get(&trip).is_none()
}

#[cfg(test)]
mod tests;
