//! The interop tests: one program, one module per subject. Each test names the paragraph or the line it stands for.

mod autobahn;
mod believed;
mod breaker_attack;
mod clients;
mod command_line;
mod control;
mod faults;
mod following;
mod framing;
mod heavy;
mod http2_frames;
mod idle_tunnels;
mod init;
mod matrix;
mod once;
mod operations;
mod page;
mod path_matrix;
mod progress;
mod real_clients;
mod requirements;
mod sample;
mod switches;
mod transitions;
mod vectors;
mod wire_table;
