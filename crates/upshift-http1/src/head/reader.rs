//! The readers of heads, which arrive over any number of calls.

use crate::fault::Malformed;
use crate::head::request::RequestHead;
use crate::head::response::{RequestMethod, ResponseHead};
use crate::head::section_reader::SectionReader;
use crate::head::section_scan::SectionRules;
use crate::head::start_line::{RequestLine, StatusLine};
use crate::limits::Limits;

/// A head of `length` bytes, including the empty lines before it.
#[derive(Debug)]
pub(crate) struct ReadHead<H> {
    pub(crate) head: H,
    pub(crate) length: usize,
}

/// The reader of the head of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestReader(SectionReader<RequestLine>);

impl RequestReader {
    /// Returns true if no byte of a request was read, empty lines included.
    pub(crate) fn is_pristine(&self) -> bool {
        self.0.is_pristine()
    }

    /// Reads `buffer`, which begins with the bytes of earlier calls; `None` if more are needed.
    pub(crate) fn read_head(
        &mut self,
        buffer: &[u8],
        limits: &Limits,
    ) -> Result<Option<ReadHead<RequestHead>>, Malformed> {
        let rules = SectionRules::of_request(limits);
        let Some(section) = self.0.read_section(buffer, &rules, limits)? else {
            return Ok(None);
        };
        let length = section.length;
        let head = RequestHead::parse(&buffer[..length], section, limits)?;
        Ok(Some(ReadHead { head, length }))
    }
}

/// The reader of the head of a response.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResponseReader(SectionReader<StatusLine>);

impl ResponseReader {
    /// Reads `buffer`, which begins with the bytes of earlier calls; `None` if more are needed.
    pub(crate) fn read_head(
        &mut self,
        buffer: &[u8],
        limits: &Limits,
        method: RequestMethod,
    ) -> Result<Option<ReadHead<ResponseHead>>, Malformed> {
        let rules = SectionRules::of_response(limits);
        let Some(section) = self.0.read_section(buffer, &rules, limits)? else {
            return Ok(None);
        };
        let length = section.length;
        let head = ResponseHead::parse(&buffer[..length], section, method, limits)?;
        Ok(Some(ReadHead { head, length }))
    }
}
