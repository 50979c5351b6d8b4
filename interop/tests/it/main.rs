//! The interop tests: one program, one module per subject. Each test names the paragraph or the line it stands for.

mod clients;
mod command_line;
mod control;
mod faults;
mod heavy;
mod operations;
mod page;
mod requirements;
mod sample;
mod vectors;
mod wire_table;
