//! `cargo xtask bench memory`: the memory of a server at rest, with idle connections, and with idle
//! WebSocket tunnels. It does not include the memory of the kernel for sockets.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::chart::{Bar, draw_bars};
use super::http1::{OLD_VERSION, handshake_bytes, open_with, request_bytes};
use super::options::BenchOptions;
use super::process::read_memory;
use super::section::{Chart, Section, Table, judge_goal, plain_number};
use super::servers::{RuleSet, ServerKind};
use super::statistics::Spread;
use super::test_bed::TestBed;
use crate::run::pause;

const CONNECTIONS: usize = 9000;
const TUNNELS: usize = 5000;

/// The most bytes of Upshift for an idle connection, and for a tunnel.
const GOALS: [f64; 2] = [2000.0, 4000.0];

/// The memory of a server in bytes.
#[derive(Debug)]
struct MemoryUse {
    server: ServerKind,
    at_rest: u64,
    with_connections: u64,
    after_connections: u64,
    /// At rest, of the server that is then asked for tunnels.
    before_tunnels: u64,
    with_tunnels: u64,
}

/// Measures each server, twice started: for connections, and for tunnels.
///
/// # Errors
/// If a server does not hold as many connections.
pub(crate) fn run(options: &BenchOptions, bed: &TestBed) -> io::Result<Section> {
    let mut section = Section::new("memory");
    let mut all = Vec::new();
    for server in &options.servers {
        println!("  memory of {}", server.name());
        match measure_server(bed, *server) {
            Ok(memory) => all.push(memory),
            Err(error) if *server == ServerKind::Upshift => return Err(error),
            Err(error) => section.add_text(&format!("{} is left out: {error}", server.name())),
        }
        bed.close_tunnels();
    }
    describe(&all, &mut section);
    Ok(section)
}

fn measure_server(bed: &TestBed, kind: ServerKind) -> io::Result<MemoryUse> {
    let [at_rest, with_connections, after_connections] = hold_connections(bed, kind)?;
    let [before_tunnels, with_tunnels] = hold_tunnels(bed, kind)?;
    Ok(MemoryUse {
        server: kind,
        at_rest,
        with_connections,
        after_connections,
        before_tunnels,
        with_tunnels,
    })
}

/// The memory at rest, with idle connections, and after they closed.
fn hold_connections(bed: &TestBed, kind: ServerKind) -> io::Result<[u64; 3]> {
    let server = bed.start(kind, RuleSet::Five)?;
    let at_rest = settled_memory(server.id())?;
    let request = request_bytes(server.http, &server.path, OLD_VERSION);
    let connections = open_many(server.http, &request, 426, CONNECTIONS)?;
    let with_connections = settled_memory(server.id())?;
    drop(connections);
    Ok([at_rest, with_connections, settled_memory(server.id())?])
}

/// The memory at rest, and with idle tunnels.
fn hold_tunnels(bed: &TestBed, kind: ServerKind) -> io::Result<[u64; 2]> {
    let server = bed.start(kind, RuleSet::Five)?;
    let at_rest = settled_memory(server.id())?;
    let tunnels = open_many(server.http, &handshake_bytes(server.http), 101, TUNNELS)?;
    let with_tunnels = settled_memory(server.id())?;
    drop(tunnels);
    Ok([at_rest, with_tunnels])
}

/// The memory after a while in which the server tidies up.
fn settled_memory(process: u32) -> io::Result<u64> {
    pause(Duration::from_secs(3));
    read_memory(process)
}

/// Opens connections, each with one request that was answered.
fn open_many(
    address: SocketAddr,
    request: &[u8],
    expected: u16,
    count: usize,
) -> io::Result<Vec<TcpStream>> {
    let mut streams = Vec::with_capacity(count);
    for number in 1..=count {
        match open_with(address, request) {
            Ok((stream, status)) if status == expected => streams.push(stream),
            Ok((_, status)) => {
                return Err(io::Error::other(format!("connection {number} was answered {status}")));
            }
            Err(error) => {
                return Err(io::Error::other(format!("connection {number} of {count}: {error}")));
            }
        }
    }
    Ok(streams)
}

impl MemoryUse {
    fn per_connection(&self) -> f64 {
        self.with_connections.saturating_sub(self.at_rest) as f64 / CONNECTIONS as f64
    }

    fn per_tunnel(&self) -> f64 {
        self.with_tunnels.saturating_sub(self.before_tunnels) as f64 / TUNNELS as f64
    }
}

fn describe(all: &[MemoryUse], section: &mut Section) {
    let mut table = Table::new(&[
        "MB",
        "at rest",
        "with 9,000 idle connections",
        "bytes each",
        "after they closed",
        "with 5,000 WebSocket tunnels",
        "bytes each",
    ]);
    for memory in all {
        table.add_row(vec![
            memory.server.name().to_owned(),
            megabytes(memory.at_rest),
            megabytes(memory.with_connections),
            plain_number(memory.per_connection().round()),
            megabytes(memory.after_connections),
            megabytes(memory.with_tunnels),
            plain_number(memory.per_tunnel().round()),
        ]);
    }
    section.add_table(&table);
    let per_connection = ("memory-connections", "Bytes per idle connection");
    add_chart(per_connection, all, MemoryUse::per_connection, section);
    let per_tunnel = ("memory-tunnels", "Bytes per idle WebSocket tunnel");
    add_chart(per_tunnel, all, MemoryUse::per_tunnel, section);
    let Some(own) = all.iter().find(|memory| memory.server == ServerKind::Upshift) else { return };
    let [connection, tunnel] = GOALS;
    let goals = [
        judge_goal("bytes per idle connection", own.per_connection(), connection, 0),
        judge_goal("bytes per idle tunnel", own.per_tunnel(), tunnel, 0),
    ];
    for goal in goals {
        section.add_text(&goal.text);
    }
}

fn add_chart(
    (file, title): (&str, &str),
    all: &[MemoryUse],
    read: fn(&MemoryUse) -> f64,
    section: &mut Section,
) {
    let mut bars = Vec::new();
    for memory in all {
        let bytes = read(memory);
        bars.push(Bar {
            label: memory.server.name().to_owned(),
            spread: Spread { least: bytes, median: bytes, most: bytes },
            is_own: memory.server == ServerKind::Upshift,
        });
    }
    let svg = draw_bars(title, &bars, 0);
    section.add_chart(Chart { file: file.to_owned(), title: title.to_owned(), svg });
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}
