//! The server's side of a connection: requests in, responses out.

mod connection;
mod event;
mod receive;
mod send;

pub use connection::ServerConnection;
pub use event::RequestEvent;
pub use send::ResponseStart;

#[cfg(test)]
mod tests;
