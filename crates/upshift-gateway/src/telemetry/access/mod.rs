//! The access record: one line for each exchange that was answered or given up, with the decision
//! and without secrets.

mod json;
mod writer;

pub(crate) use json::json_line;
pub(crate) use writer::AccessWriter;
