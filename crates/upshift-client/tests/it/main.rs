//! The client against servers made of bare sockets.

mod anything;
mod misbehaving;
mod peer;
mod real;
