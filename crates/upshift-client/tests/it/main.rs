//! The client against servers made of bare sockets.

mod anything;
mod endless;
mod misbehaving;
mod origins;
mod peer;
mod real;
