//! The gateway over real sockets.

mod decisions;
mod faults;
mod forwarding;
mod h2c;
mod support;
mod tunnels;
