//! The client against servers made of bare sockets.

mod anything;
mod misbehaving;
mod origins;
mod peer;
mod real;
