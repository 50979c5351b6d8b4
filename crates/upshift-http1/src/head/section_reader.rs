//! The reader of a header section, of a request or a response, over any number of calls.

use crate::fault::{FaultClass, Malformed};
use crate::head::section_scan::{Scanned, SectionRules, SectionScan};
use crate::head::start_line::StartLine;
use crate::limits::Limits;

/// A header section that is being received.
#[derive(Clone, Debug)]
pub(crate) struct SectionReader<L> {
    scan: SectionScan,
    /// The start line, and the offset of the first field line.
    begun: Option<(L, usize)>,
}

/// A complete header section.
pub(crate) struct Section<L> {
    pub(crate) line: L,
    /// The offset of the first field line.
    pub(crate) fields_start: usize,
    /// The number of field lines.
    pub(crate) fields: usize,
    pub(crate) length: usize,
}

impl<L> Default for SectionReader<L> {
    fn default() -> Self {
        Self { scan: SectionScan::default(), begun: None }
    }
}

impl<L: StartLine> SectionReader<L> {
    /// Returns true if no byte was read.
    pub(crate) fn is_pristine(&self) -> bool {
        self.scan.is_pristine()
    }

    /// Checks the lines in order of arrival, so that the reported fault does not depend on how the
    /// bytes are divided.
    pub(crate) fn read_section(
        &mut self,
        buffer: &[u8],
        rules: &SectionRules,
        limits: &Limits,
    ) -> Result<Option<Section<L>>, Malformed> {
        loop {
            match self.scan.continue_in(buffer, rules) {
                Ok(Scanned::Partial) => {
                    self.check_open_line(buffer, limits)?;
                    return Ok(None);
                }
                Ok(Scanned::StartLine { line, is_bare }) => {
                    let text = &buffer[line.clone()];
                    L::check_start(text, line.start, limits)?;
                    if is_bare {
                        return Err(Malformed::new(FaultClass::BareLf, line.end));
                    }
                    let parsed = L::parse(text, line.start, limits)?;
                    self.begun = Some((parsed, self.scan.line_start()));
                }
                Ok(Scanned::Complete { length, fields }) => {
                    let Some((line, fields_start)) = self.begun.take() else { return Ok(None) };
                    return Ok(Some(Section { line, fields_start, fields, length }));
                }
                Err(fault) if fault.class == FaultClass::HeadTooLarge => {
                    // The start line itself may be malformed or too long.
                    self.check_open_line(buffer, limits)?;
                    return Err(self.name_start_line(fault));
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Checks a start line that has not ended.
    fn check_open_line(&self, buffer: &[u8], limits: &Limits) -> Result<(), Malformed> {
        match self.scan.unfinished_start_line(buffer) {
            Some(begun) => L::check_start(begun, self.scan.line_start(), limits),
            None => Ok(()),
        }
    }

    /// Attributes a section that is too large to its start line, if that has not ended.
    fn name_start_line(&self, fault: Malformed) -> Malformed {
        if self.scan.has_start_line() { fault } else { Malformed::new(L::TOO_LONG, fault.at) }
    }
}
