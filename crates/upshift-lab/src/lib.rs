//! The lab: tools that test how servers and clients deal with `426 Upgrade Required`.
//!
//! The lab is always an endpoint of the connection that it judges, never a proxy between two
//! others: a proxy consumes `Upgrade` and `Connection`, which are what is judged.

pub mod client_run;
pub mod grade;
pub mod lenient_http1;
pub mod mock;
mod nearest_name;
pub mod probe;
mod secret_names;
pub mod suite;
pub mod wire_log;
