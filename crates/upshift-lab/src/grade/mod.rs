//! Grades a client: runs it against mock peers, and judges the wire and what the client said.
//!
//! 1. Each peer gets a run of its own, with a port, a secret and a content of its own.
//! 2. `observation` reads the record of the peer and the output of the client.
//! 3. `judgement` compares that with what a good client does with this peer.
//!
//! Nothing is judged by time, except that a client which runs into its limit hung.

mod badge;
mod client_template;
mod grader;
mod judgement;
mod letter;
mod observation;
mod session;

pub use badge::badge_svg;
pub use client_template::{ClientTemplate, TemplateError};
pub(crate) use client_template::{
    TemplateValues, certificate_variables, check_placeholders, fill_argument,
};
pub use grader::{GradeLimits, grade_client};
pub use letter::Letter;
pub(crate) use letter::letter_of;
pub(crate) use observation::find_content_replay;
pub use session::GradeError;
pub(crate) use session::{ClientSession, SessionRun};
