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

pub use badge::badge_svg;
pub use client_template::{ClientTemplate, TemplateError};
pub use grader::{GradeError, GradeLimits, grade_client};
pub use letter::Letter;
