//! The client against servers that misbehave on purpose, and against real ones.

mod anything;
mod broken_bodies;
mod endless;
mod misbehaving;
mod origins;
mod peer;
mod real;
