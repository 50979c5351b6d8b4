//! The client's side of a connection: requests out, responses in.

mod connection;
mod event;
mod receive;
mod send;

pub use connection::ClientConnection;
pub use event::ResponseEvent;
pub use send::RequestStart;

#[cfg(test)]
mod tests;
