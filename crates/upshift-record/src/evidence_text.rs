//! The events of the evidence in words, for its text and its HTML.

use crate::evidence::{ChangeEvidence, Interruption, PhaseSpan, PolicyRevisionRecord};

const NO_REASON: &str = "no reason given";

impl PolicyRevisionRecord {
    /// The event in words, such as `ada paused orders-v2`.
    pub fn event_text(&self) -> String {
        let Self { cause, actor, reason, file, change, .. } = self;
        let path = file.as_ref().map(|file| file.path.as_str());
        event_text(cause, actor, change.as_ref(), path).unwrap_or_else(|| reason.clone())
    }

    /// The reason in words; `None` if the event needs none.
    pub fn reason_text(&self) -> Option<&str> {
        reason_text(&self.cause, &self.reason)
    }
}

impl PhaseSpan {
    /// The event that began it in words, such as `ada paused orders-v2`.
    pub fn event_text(&self) -> String {
        let Self { cause, actor, reason, change, .. } = self;
        event_text(cause, actor, change.as_ref(), None).unwrap_or_else(|| reason.clone())
    }

    /// The reason in words; `None` if the event needs none.
    pub fn reason_text(&self) -> Option<&str> {
        reason_text(&self.cause, &self.reason)
    }
}

impl Interruption {
    /// The kind in words, with the definition that the rule enforced instead.
    pub fn kind_text(&self) -> String {
        match &self.definition {
            Some(definition) => format!("enforced instead: {definition}"),
            None => self.kind.clone(),
        }
    }

    /// The reason, if one was given.
    pub fn given_reason(&self) -> Option<&str> {
        self.reason.as_deref().filter(|reason| !reason.is_empty())
    }

    /// The reason in words; `None` if nothing is known.
    pub fn reason_text(&self) -> Option<&str> {
        match self.reason.as_deref() {
            Some("") => Some(NO_REASON),
            reason => reason,
        }
    }
}

/// An event in words; `None` if its reason says it all.
fn event_text(
    cause: &str,
    actor: &str,
    change: Option<&ChangeEvidence>,
    path: Option<&str>,
) -> Option<String> {
    let path = path.filter(|path| !path.is_empty());
    let text = match (cause, path) {
        ("start", Some(path)) => format!("the gateway, run by {actor}, started with {path}"),
        ("start", None) => format!("the gateway, run by {actor}, started"),
        ("reload", Some(path)) => format!("the gateway, run by {actor}, reloaded {path}"),
        ("reload", None) => format!("the gateway, run by {actor}, reloaded its settings"),
        ("stop", _) => format!("the gateway, run by {actor}, stopped"),
        ("held", _) => held_text(actor),
        ("change" | "trip", _) => change_text(actor, change),
        ("calendar", _) => "the calendar of the policy file began the next phase".to_owned(),
        _ => return None,
    };
    Some(text)
}

/// A phase of an override that is older than the event with which the record begins.
fn held_text(actor: &str) -> String {
    match actor {
        "breaker" => "held by the breaker since its trip".to_owned(),
        "command line" => "set by the command line".to_owned(),
        person => format!("held by {person}"),
    }
}

fn change_text(actor: &str, change: Option<&ChangeEvidence>) -> String {
    let Some(ChangeEvidence { id: _, action, rule, phase, undoes }) = change else {
        return format!("{actor} made a change that is missing from the store");
    };
    let rule = rule.as_deref().unwrap_or("all rules");
    match action.as_str() {
        "pause" => format!("{actor} paused {rule}"),
        "resume" => format!("{actor} resumed {rule}"),
        "trip" => format!("the breaker stopped {rule}"),
        "undo" => match undoes {
            Some(id) => format!("{actor} undid change {id}"),
            None => format!("{actor} undid a change"),
        },
        _ => format!("{actor} set {rule} to {}", phase.as_deref().unwrap_or("its plan")),
    }
}

/// The reason of an event that people give reasons for.
fn reason_text<'a>(cause: &str, reason: &'a str) -> Option<&'a str> {
    match cause {
        "start" | "reload" | "held" | "change" | "trip" if reason.is_empty() => Some(NO_REASON),
        "start" | "reload" | "held" | "change" | "trip" => Some(reason),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_says_who_did_what_to_which_rule() {
        let change = |action: &str| ChangeEvidence {
            id: "8a82fc763b".into(),
            action: action.into(),
            rule: Some("orders-v2".into()),
            phase: Some("warn".into()),
            undoes: Some("5f0c21a97e".into()),
        };
        for (cause, action, expected) in [
            ("change", "pause", "ada paused orders-v2"),
            ("change", "resume", "ada resumed orders-v2"),
            ("change", "set", "ada set orders-v2 to warn"),
            ("change", "undo", "ada undid change 5f0c21a97e"),
            ("trip", "trip", "the breaker stopped orders-v2"),
            ("start", "", "the gateway, run by ada, started with u.toml"),
            ("stop", "", "the gateway, run by ada, stopped"),
        ] {
            let text = event_text(cause, "ada", Some(&change(action)), Some("u.toml"));
            assert_eq!(text.as_deref(), Some(expected));
        }
        let all = ChangeEvidence { rule: None, ..change("pause") };
        assert_eq!(change_text("ada", Some(&all)), "ada paused all rules");
        assert_eq!(held_text("breaker"), "held by the breaker since its trip");
    }

    #[test]
    fn a_reason_that_is_missing_is_said_and_not_invented() {
        assert_eq!(reason_text("change", ""), Some("no reason given"));
        assert_eq!(reason_text("start", "CHG-7"), Some("CHG-7"));
        assert_eq!(reason_text("stop", ""), None);
    }
}
