//! The gateway over real sockets.

mod faults;
mod forwarding;
mod support;
