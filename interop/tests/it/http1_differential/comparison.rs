//! The differences between the codec and a program.

use std::collections::BTreeMap;

use super::codec::Reading;
use super::disputed::Disputed;
use super::outcome::{End, Outcome};

/// A fault that the codec refuses and these programs take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stricter {
    /// The class of the fault.
    pub(super) class: &'static str,
    pub(super) takers: &'static [&'static str],
    pub(super) why: &'static str,
}

/// A message that the codec takes and a program refuses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Laxer {
    pub(super) refuser: &'static str,
    /// The beginning of the program's answer.
    pub(super) answer: &'static str,
    pub(super) concerns: fn(&Disputed<'_>) -> bool,
    pub(super) why: &'static str,
}

/// A message that a program reads as another one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framed {
    pub(super) reader: &'static str,
    pub(super) concerns: fn(&Disputed<'_>) -> bool,
    pub(super) why: &'static str,
}

/// The rules that explain the differences in one direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) stricter: &'static [Stricter],
    pub(super) laxer: &'static [Laxer],
    pub(super) framed: &'static [Framed],
}

/// The comparison of the codec with a program, or with a chain of them.
#[derive(Debug)]
pub(super) struct Comparison {
    programs: &'static [&'static str],
    rules: Rules,
    /// The cases of which both sides take the same messages, at least one.
    taken: usize,
    /// Those of them behind which only one side closes the connection.
    closed: usize,
    /// The cases of which neither side takes a message.
    refused: usize,
    explained: BTreeMap<String, usize>,
    unexplained: Vec<String>,
}

impl Comparison {
    pub(super) fn new(programs: &'static [&'static str], rules: Rules) -> Self {
        Self {
            programs,
            rules,
            taken: 0,
            closed: 0,
            refused: 0,
            explained: BTreeMap::new(),
            unexplained: Vec::new(),
        }
    }

    /// Compares the messages one by one. The first difference decides.
    pub(super) fn add(&mut self, case: &[u8], ours: &Reading, theirs: &Outcome) {
        let our_messages = origin_forms(&ours.outcome.messages);
        let their_messages = origin_forms(&theirs.messages);
        let pairs = our_messages.iter().zip(&their_messages);
        let equal = pairs.take_while(|(our, their)| our == their).count();
        let (ours_ended, theirs_ended) =
            (equal == our_messages.len(), equal == their_messages.len());
        let explanation = match (&ours.outcome.end, &theirs.end) {
            _ if ours_ended && theirs_ended => return self.count_same(equal),
            // RFC 9112 §9.3: each implementation may decide how long a connection persists.
            (_, End::Closed) if theirs_ended => return self.count_closed(),
            (End::Closed, _) if ours_ended => return self.count_closed(),
            (end, _) if ours_ended => {
                let explanation = self.explain_stricter(end);
                explanation.or_else(|| self.explain_framed(&Disputed::new(case, &[])))
            }
            (_, end) if theirs_ended => self.explain_laxer(&disputed(case, ours, equal), end),
            _ => self.explain_framed(&disputed(case, ours, equal)),
        };
        match explanation {
            Some(explanation) => *self.explained.entry(explanation).or_default() += 1,
            None => self.unexplained.push(format!(
                "{}: here {:?}, there {theirs:?}",
                case.escape_ascii(),
                ours.outcome
            )),
        }
    }

    fn count_same(&mut self, messages: usize) {
        if messages == 0 {
            self.refused += 1;
        } else {
            self.taken += 1;
        }
    }

    fn count_closed(&mut self) {
        self.taken += 1;
        self.closed += 1;
    }

    fn explain_stricter(&self, end: &End) -> Option<String> {
        let class = match end {
            End::Refused(class) => class,
            End::Open | End::Closed => "incomplete",
        };
        for rule in self.rules.stricter {
            if rule.class == class && rule.takers.iter().any(|taker| self.programs.contains(taker))
            {
                return Some(format!("refused here: {class}: {}", rule.why));
            }
        }
        None
    }

    fn explain_laxer(&self, disputed: &Disputed<'_>, end: &End) -> Option<String> {
        let End::Refused(answer) = end else { return None };
        for rule in self.rules.laxer {
            if self.programs.contains(&rule.refuser)
                && answer.starts_with(rule.answer)
                && (rule.concerns)(disputed)
            {
                return Some(format!("refused by {}: {}", rule.refuser, rule.why));
            }
        }
        None
    }

    fn explain_framed(&self, disputed: &Disputed<'_>) -> Option<String> {
        for rule in self.rules.framed {
            if self.programs.contains(&rule.reader) && (rule.concerns)(disputed) {
                return Some(format!("another message for {}: {}", rule.reader, rule.why));
            }
        }
        None
    }

    /// Prints the counts, and fails if a difference is not explained.
    pub(super) fn finish(self) {
        println!(
            "{}: {} taken alike ({} until one side closes), {} taken by neither",
            self.programs.join(" and "),
            self.taken,
            self.closed,
            self.refused
        );
        for (explanation, count) in &self.explained {
            println!("{count:7} {explanation}");
        }
        let examples = self.unexplained.iter().take(20).map(String::as_str);
        let examples = examples.collect::<Vec<_>>().join("\n");
        assert!(
            self.unexplained.is_empty(),
            "{} are not explained:\n{examples}",
            self.unexplained.len()
        );
        // A program that refuses everything agrees with nothing.
        assert!(self.taken > self.refused / 50, "only {} are taken alike", self.taken);
    }
}

/// The message behind the first `equal` ones, which the codec takes.
fn disputed<'c>(case: &'c [u8], ours: &Reading, equal: usize) -> Disputed<'c> {
    let start = if equal == 0 { 0 } else { ours.ends[equal - 1] };
    Disputed::new(&case[start..ours.ends[equal]], &case[ours.ends[equal]..])
}

fn origin_forms(messages: &[String]) -> Vec<String> {
    messages.iter().map(|message| origin_form(message)).collect()
}

/// A message whose target, if it is absolute, is without scheme and authority.
///
/// RFC 9112 §3.2.2: a proxy sends the target to an origin server without them; a server takes both
/// forms.
fn origin_form(message: &str) -> String {
    if let Some((method, target)) = message.split_once(' ')
        && let Some((scheme, rest)) = target.split_once("://")
        && !scheme.starts_with('/')
    {
        let path = rest.find(['/', '?', ' ']).map_or("", |end| &rest[end..]);
        let slash = if path.starts_with('/') { "" } else { "/" };
        return format!("{method} {slash}{path}");
    }
    message.to_owned()
}
