//! `[limits]`: bounds on the memory and the time that peers can make the gateway spend.

use std::time::Duration;

use crate::toml_table::TomlTable;

/// Bounds on the memory and the time that peers can make the gateway spend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The size of a request's header section in bytes, over HTTP/1 at most 65,535; a larger one is
    /// answered 431.
    pub header_bytes: usize,
    /// The time from the first byte of a request to the end of its header section; after it, the
    /// answer is 408.
    pub header_timeout: Duration,
    /// The longest pause between two requests of a connection, or between two reads of a body.
    pub idle: Duration,
    /// The number of open client connections.
    pub connections: usize,
    /// The time at shutdown in which requests are still accepted while `/readyz` is 503.
    pub lame_duck: Duration,
    /// The time that open requests have at shutdown.
    pub drain: Duration,
    /// The number of bytes of a refused request's body that are read and discarded before the
    /// connection closes.
    pub discard_bytes: u64,
    /// The time in which they are read.
    pub discard_timeout: Duration,
    /// The longest pause in a tunnel.
    pub tunnel_idle: Duration,
    /// The time to connect to an upstream; after it, the answer is 504.
    pub upstream_connect: Duration,
    /// The time from the end of the request to the upstream's header section; after it, the answer
    /// is 504.
    pub upstream_response: Duration,
    /// The longest pause of an upstream in a body that it sends or takes.
    pub upstream_silence: Duration,
    /// The time for which an idle upstream connection is kept.
    pub upstream_idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 64 * 1024,
            header_timeout: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            connections: 10_000,
            lame_duck: Duration::ZERO,
            // Kubernetes kills after 30 seconds.
            drain: Duration::from_secs(25),
            discard_bytes: 16 * 1024 * 1024,
            discard_timeout: Duration::from_secs(10),
            tunnel_idle: Duration::from_secs(60 * 60),
            upstream_connect: Duration::from_secs(5),
            upstream_response: Duration::from_secs(60),
            upstream_silence: Duration::from_secs(60),
            upstream_idle: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Reads `[limits]`.
    pub(crate) fn from_toml(table: &mut TomlTable<'_>) -> Self {
        let mut limits = Self::default();
        limits.read_downstream(table);
        limits.read_upstream(table);
        table.report_unknown_keys();
        limits
    }

    fn read_downstream(&mut self, table: &mut TomlTable<'_>) {
        if let Some(bytes) = read_header_bytes(table) {
            self.header_bytes = bytes;
        }
        replace_duration(&mut self.header_timeout, table, "header-timeout");
        replace_duration(&mut self.idle, table, "idle");
        if let Some(count) = table.integer_at("connections", 1..=10_000_000) {
            self.connections = count;
        }
        // The one duration that may be zero; a timeout of zero would end every request.
        if let Some(value) = table.get("lame-duck") {
            self.lame_duck = value.read_duration_or_zero().unwrap_or(self.lame_duck);
        }
        replace_duration(&mut self.drain, table, "drain");
        if let Some(value) = table.get("discard-bytes") {
            self.discard_bytes = value.read_size().unwrap_or(self.discard_bytes);
        }
        replace_duration(&mut self.discard_timeout, table, "discard-timeout");
        replace_duration(&mut self.tunnel_idle, table, "tunnel-idle");
    }

    fn read_upstream(&mut self, table: &mut TomlTable<'_>) {
        replace_duration(&mut self.upstream_connect, table, "upstream-connect");
        replace_duration(&mut self.upstream_response, table, "upstream-response");
        // An upstream that may be slow to answer may be as slow to go on.
        self.upstream_silence = self.upstream_response;
        replace_duration(&mut self.upstream_silence, table, "upstream-silence");
        replace_duration(&mut self.upstream_idle, table, "upstream-idle");
    }
}

/// Replaces a default by the duration of `key`, if the table has it.
fn replace_duration(duration: &mut Duration, table: &mut TomlTable<'_>, key: &'static str) {
    if let Some(given) = table.duration_at(key) {
        *duration = given;
    }
}

fn read_header_bytes(table: &mut TomlTable<'_>) -> Option<usize> {
    let value = table.get("header-bytes")?;
    let bytes = value.read_size()?;
    // Each connection may hold so much memory, and fewer bytes refuse ordinary browsers.
    if !(1024..=16 * 1024 * 1024).contains(&bytes) {
        value.report_error("`header-bytes` is out of range", "expected from 1 KiB to 16 MiB");
        return None;
    }
    usize::try_from(bytes).ok()
}
