//! The gateway over real sockets.

mod decisions;
mod faults;
mod forwarding;
mod support;
