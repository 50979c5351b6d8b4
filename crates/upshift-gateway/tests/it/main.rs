//! The gateway over real sockets.

mod decisions;
mod faults;
mod fleet;
mod forwarding;
mod h2c;
mod support;
mod tunnels;
