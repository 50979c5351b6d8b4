//! A note: the statement, the reason for it, and the check that finds it.

use upshift_record::{Finding, NoteLevel, NoteRecord};

use crate::exchange::{Exchange, FieldSection};

/// A statement about an exchange, with the reason for it.
///
/// Both examples are in the format of [`reader::Format::Text`](crate::reader::Format::Text). A test
/// holds every note to them: it is found in the wrong one and not in the right one. Of a note of
/// level `good`, it is the other way round.
#[derive(Debug)]
pub struct Note {
    pub(crate) id: &'static str,
    pub(crate) level: NoteLevel,
    pub(crate) summary: &'static str,
    pub(crate) why: &'static str,
    pub(crate) source: &'static str,
    pub(crate) quote: Option<&'static str>,
    pub(crate) wrong: &'static str,
    pub(crate) right: &'static str,
    pub(crate) check: fn(&Exchange<'_>, &mut Findings),
}

/// The findings of one note in one exchange.
#[derive(Debug)]
pub(crate) struct Findings {
    note: &'static Note,
    list: Vec<Finding>,
}

impl Note {
    /// The id, as `U014`.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The level.
    pub fn level(&self) -> NoteLevel {
        self.level
    }

    /// The note in one line, without a full stop.
    pub fn summary(&self) -> &'static str {
        self.summary
    }

    /// The consequences, in a few sentences.
    pub fn why(&self) -> &'static str {
        self.why
    }

    /// The paragraph that the note rests on, as `RFC 9110 §7.8`; of the Fetch Standard, the name of
    /// its section.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// The words of that paragraph, where one sentence of it says it.
    pub fn quote(&self) -> Option<&'static str> {
        self.quote
    }

    /// An exchange that is wrong; of a note of level `good`, one that lacks the good thing.
    pub fn wrong_example(&self) -> &'static str {
        self.wrong
    }

    /// The same exchange put right.
    pub fn right_example(&self) -> &'static str {
        self.right
    }

    /// The URL of the paragraph.
    pub fn source_url(&self) -> String {
        if let Some(section) = self.source.strip_prefix("Fetch: ") {
            let anchor = section.to_lowercase().replace(' ', "-");
            return format!("https://fetch.spec.whatwg.org/#{anchor}");
        }
        let rfc = self.source.strip_prefix("RFC ").unwrap_or_default();
        let (number, section) = rfc.split_once(" §").unwrap_or((rfc, "1"));
        let is_appendix = section.starts_with(|first: char| first.is_ascii_uppercase());
        let kind = if is_appendix { "appendix" } else { "section" };
        format!("https://www.rfc-editor.org/rfc/rfc{number}.html#{kind}-{section}")
    }

    /// The description as a record.
    pub fn to_record(&self) -> NoteRecord {
        NoteRecord {
            id: self.id.to_owned(),
            level: self.level,
            summary: self.summary.to_owned(),
            why: self.why.to_owned(),
            source: self.source.to_owned(),
            quote: self.quote.map(str::to_owned),
            wrong: self.wrong.to_owned(),
            right: self.right.to_owned(),
        }
    }

    pub(crate) fn examine(&'static self, exchange: &Exchange<'_>) -> Vec<Finding> {
        let mut findings = Findings { note: self, list: Vec::new() };
        (self.check)(exchange, &mut findings);
        findings.list
    }
}

impl Findings {
    /// Adds a finding about a whole message.
    pub(crate) fn add(&mut self, section: &FieldSection<'_>, message: impl Into<String>) {
        self.push(section, None, message.into());
    }

    /// Adds a finding about a field, or about the lack of it.
    pub(crate) fn add_in(
        &mut self,
        section: &FieldSection<'_>,
        field: &str,
        message: impl Into<String>,
    ) {
        self.push(section, Some(field.to_owned()), message.into());
    }

    fn push(&mut self, section: &FieldSection<'_>, field: Option<String>, message: String) {
        self.list.push(Finding {
            note: self.note.id.to_owned(),
            level: self.note.level,
            place: section.place,
            field,
            message,
            source: self.note.source.to_owned(),
        });
    }
}
