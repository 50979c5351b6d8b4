//! A case to be written.

use std::collections::BTreeMap;

use upshift_record::Lane;

use crate::suite::model::{Capture, LaneExpectation};
use crate::suite::request_text::RequestText;

/// A `[[probe]]` to be written.
#[derive(Clone, Debug)]
pub struct DraftCase {
    /// The id.
    pub id: String,
    /// The lines of the comment above it.
    pub comment: Vec<String>,
    /// The request. Its texts may have variables.
    pub request: RequestText,
    /// The lanes; empty: those of `expect`.
    pub lanes: Vec<Lane>,
    /// The expectations by lane; `None` is for all lanes that have none of their own.
    pub expect: Vec<(Option<Lane>, LaneExpectation)>,
    /// The values to keep for later cases.
    pub capture: BTreeMap<String, Capture>,
}
