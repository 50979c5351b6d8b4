//! The logs that are measured.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The bytes of a log.
const LENGTH: usize = 256 * 1024 * 1024;

/// The bytes of the log for a program that needs seconds for it.
const SMALL: usize = 16 * 1024 * 1024;

/// The kind of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogKind {
    /// Combined, with few paths and agents, and 16,384 clients.
    Usual,
    /// The same in JSON, with the names of nginx's variables.
    Json,
    /// Combined; one request in two is refused.
    Refused,
    /// Combined; all paths differ.
    Paths,
    /// Combined; all agents differ.
    Agents,
    /// Combined; all clients, paths and agents differ.
    AllDiffer,
    /// The beginning of the usual log.
    Small,
}

/// A log that was made.
#[derive(Debug)]
pub(super) struct MadeLog {
    pub(super) kind: LogKind,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

const KINDS: [LogKind; 7] = [
    LogKind::Usual,
    LogKind::Small,
    LogKind::Json,
    LogKind::Refused,
    LogKind::Paths,
    LogKind::Agents,
    LogKind::AllDiffer,
];

/// Agents that meet the rules, and one that does not.
const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "AcmeApp/5.2 (Android 14)",
    "curl/8.5.0",
    "AcmeApp/4.9 (Android 9)",
];

const PATHS: [&str; 6] =
    ["/", "/feeds/news", "/api/v2/orders", "/static/app.js", "/account", "/search?q=a+b"];

impl LogKind {
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Usual => "usual requests",
            Self::Json => "the same in JSON",
            Self::Refused => "half of them refused",
            Self::Paths => "all paths differ",
            Self::Agents => "all agents differ",
            Self::AllDiffer => "clients, paths, agents differ",
            Self::Small => "usual requests",
        }
    }

    fn length(self) -> usize {
        if self == Self::Small { SMALL } else { LENGTH }
    }
}

/// Makes all logs in a folder.
pub(super) fn make_logs(folder: &Path) -> io::Result<Vec<MadeLog>> {
    std::fs::create_dir_all(folder)?;
    let mut logs = Vec::new();
    for kind in KINDS {
        let path = folder.join(format!("{kind:?}.log"));
        let bytes = write_log(kind, &path)?;
        logs.push(MadeLog { kind, path, bytes });
    }
    Ok(logs)
}

fn write_log(kind: LogKind, path: &Path) -> io::Result<u64> {
    let mut file = io::BufWriter::new(std::fs::File::create(path)?);
    let mut random = Random(7);
    let mut line = String::new();
    let mut bytes = 0;
    let mut number = 0;
    while bytes < kind.length() {
        line.clear();
        // A `String` takes everything.
        write_line(kind, number, &mut random, &mut line).map_err(io::Error::other)?;
        file.write_all(line.as_bytes())?;
        bytes += line.len();
        number += 1;
    }
    file.flush()?;
    Ok(bytes as u64)
}

/// Writes a line. There are 200 in a second.
fn write_line(
    kind: LogKind,
    number: u64,
    random: &mut Random,
    line: &mut String,
) -> std::fmt::Result {
    let second = number / 200;
    let (day, hour, minute) = (1 + second / 86_400, second / 3_600 % 24, second / 60 % 60);
    let second = second % 60;
    let client = match kind {
        LogKind::AllDiffer => format!("2001:db8::{:x}:{:x}", number >> 16, number & 0xffff),
        _ => format!("198.18.{}.{}", random.below(64), random.below(256)),
    };
    let (path, http) = random.request(kind);
    let agent = random.agent(kind);
    let size = random.below(90_000);
    if kind == LogKind::Json {
        return writeln!(
            line,
            r#"{{"time_iso8601":"2026-11-{day:02}T{hour:02}:{minute:02}:{second:02}+00:00","remote_addr":"{client}","request":"GET {path} HTTP/{http}","status":200,"body_bytes_sent":{size},"request_time":"0.003","http_referer":"","http_user_agent":"{agent}"}}"#
        );
    }
    writeln!(
        line,
        "{client} - - [{day:02}/Nov/2026:{hour:02}:{minute:02}:{second:02} +0000] \"GET {path} HTTP/{http}\" 200 {size} \"-\" \"{agent}\""
    )
}

/// A linear congruential generator: the same logs each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    /// A path and a version of HTTP that the rules for this path allow.
    fn request(&mut self, kind: LogKind) -> (String, &'static str) {
        let http = if self.below(3) == 0 { "2.0" } else { "1.1" };
        let mut path = PATHS[self.below(6) as usize];
        if http == "1.1" && (path.starts_with("/feeds") || path.starts_with("/search")) {
            path = "/";
        }
        let has_number = matches!(kind, LogKind::Paths | LogKind::AllDiffer);
        if !has_number {
            return (path.to_owned(), http);
        }
        (format!("{}/{}", path.trim_end_matches('/'), self.below(1 << 30)), http)
    }

    fn agent(&mut self, kind: LogKind) -> String {
        let refused = if kind == LogKind::Refused { 2 } else { 50 };
        let agent =
            if self.below(refused) == 0 { AGENTS[4] } else { AGENTS[self.below(4) as usize] };
        match kind {
            LogKind::Agents | LogKind::AllDiffer => {
                format!("{agent} Build/{}", self.below(1 << 30))
            }
            _ => agent.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_their_kind() {
        let mut random = Random(7);
        let mut line = String::new();
        write_line(LogKind::AllDiffer, 70_000, &mut random, &mut line).unwrap_or_default();
        assert!(line.starts_with("2001:db8::1:1170 - - [01/Nov/2026:00:05:50 +0000] \"GET /"));
        assert!(line.contains(" Build/") && line.ends_with("\"\n"), "{line}");
    }
}
