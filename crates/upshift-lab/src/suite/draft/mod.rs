//! First suites: written from what is known of a server already, for people to change.
//!
//! A [`SuiteDraft`] is made from a recording, an OpenAPI document or a Hurl file, and its
//! [text](SuiteDraft::to_toml) is a valid suite. A secret of the source becomes a variable. What a
//! suite cannot express is a [remark](SuiteDraft::remarks).

mod case_text;
mod draft_case;
mod error;
mod expectations;
mod from_har;
mod from_hurl;
mod from_openapi;
mod hurl;
mod ids;
mod openapi;
mod openapi_styles;
mod secret_fields;
mod secret_json;
mod secret_text;
mod suite_draft;
mod validity;
mod values;
mod variable_names;

pub use super::variables::escape_variables;
pub use draft_case::DraftCase;
pub use error::DraftError;
pub use from_har::draft_from_har;
pub use from_hurl::draft_from_hurl;
pub use from_openapi::draft_from_openapi;
pub use ids::UniqueIds;
pub use suite_draft::{DraftRemark, SCHEMA_FILE, SuiteDraft};

#[cfg(test)]
mod tests;
