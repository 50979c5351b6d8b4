//! The pages of the dashboard, of `report --html` and of tests: records in, HTML out.
//!
//! 1. Pages load nothing from other hosts and have no inline script and no `style=` attribute, so
//!    that a strict Content-Security-Policy applies to them.
//! 2. Texts are escaped by the templates ([`maud`]). Ids in links are percent-encoded
//!    ([`link::rule_path`]).
//! 3. Every chart is an SVG image with a name, and has its numbers as a table ([`figure`]).

pub use maud::{Markup, PreEscaped};

pub mod changes;
pub mod charts;
pub mod confirm;
pub mod evidence;
pub mod feed;
pub mod figure;
mod gateway_sections;
pub mod layout;
pub mod link;
pub mod login;
pub mod notice;
pub mod overview;
pub mod period;
pub mod phase;
pub mod probe;
pub mod report;
pub mod rule;
pub mod run;
pub mod stylesheet;
pub mod table;
pub mod time_text;
mod urgency;
pub mod verbs;
pub mod view;
pub mod viewer;
mod visible_text;
