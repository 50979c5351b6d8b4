//! Heads: from bytes to a start line, a field table, and the decisions that follow from them.

mod connection;
mod host;
mod reader;
mod request;
mod response;
mod section_fields;
mod section_reader;
mod section_scan;
mod start_line;
mod target;

pub(crate) use connection::ConnectionOptions;
pub(crate) use host::is_host_value;
pub(crate) use reader::{ReadHead, RequestReader, ResponseReader};
pub use request::{Expectation, RequestHead};
pub(crate) use response::RequestMethod;
pub use response::ResponseHead;
pub(crate) use section_fields::{SpaceBeforeColon, parse_fields};
pub(crate) use section_scan::{Scanned, SectionRules, SectionScan};
pub use target::TargetForm;
pub(crate) use target::target_form;
