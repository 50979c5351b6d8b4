//! Measures the speed of a forecast: `cargo run --release -p upshift-forecast --example measure
//! [FILE]`. Without a file, it makes Combined logs of 200 MB: of usual requests, of requests whose
//! paths all differ, and of requests whose paths and agents all differ.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::tz::TimeZone;
use upshift_core::{Policy, Timestamp};
use upshift_forecast::{Assumptions, ForecastOptions, LogSource, RequestReader, forecast};

const LENGTH: usize = 200 * 1024 * 1024;

/// The variety of the requests of a log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variety {
    Usual,
    Paths,
    All,
}

impl Variety {
    fn describe(self) -> &'static str {
        match self {
            Self::Usual => "usual requests",
            Self::Paths => "all paths differ",
            Self::All => "all paths and agents differ",
        }
    }
}

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    let policy = ten_rules()?;
    match std::env::args_os().nth(1) {
        Some(file) => measure("the file", Path::new(&file), &policy),
        None => {
            for variety in [Variety::Usual, Variety::Paths, Variety::All] {
                let file = make_log(variety)?;
                measure(variety.describe(), &file, &policy)?;
                std::fs::remove_file(file)?;
            }
            Ok(())
        }
    }
}

fn measure(name: &str, file: &Path, policy: &Policy) -> Result<(), AnyError> {
    let length = std::fs::metadata(file)?.len();
    println!("{name}:");
    for _ in 0..2 {
        print_speed("count newlines", length, || count_newlines(file))?;
        for threads in [1, 2] {
            let name = format!("forecast, {threads} threads");
            print_speed(&name, length, || count_refused(file, policy, threads))?;
        }
    }
    Ok(())
}

fn print_speed(
    name: &str,
    length: u64,
    run: impl FnOnce() -> Result<u64, AnyError>,
) -> Result<(), AnyError> {
    let begin = Instant::now();
    let cpu_before = cpu_seconds();
    let count = run()?;
    let seconds = begin.elapsed().as_secs_f64();
    let speed = length as f64 / seconds / 1e9;
    // The time of this thread alone, which other programs on the machine do not lengthen much.
    let cpu_speed = length as f64 / (cpu_seconds() - cpu_before) / 1e9;
    println!("  {name:<20} {speed:>6.2} GB/s, {cpu_speed:>6.2} per second of CPU  ({count})");
    Ok(())
}

/// The time that this thread has run, as Linux counts it.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse().unwrap_or_default();
    nanoseconds / 1e9
}

fn count_newlines(file: &Path) -> Result<u64, AnyError> {
    let mut file = std::fs::File::open(file)?;
    let mut buffer = vec![0; 1024 * 1024];
    let mut count = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(count);
        }
        count += memchr::memchr_iter(b'\n', &buffer[..read]).count() as u64;
    }
}

fn count_refused(file: &Path, policy: &Policy, threads: usize) -> Result<u64, AnyError> {
    let reader = RequestReader::new(
        policy,
        Assumptions::default(),
        Vec::new(),
        upshift_config::UndeclaredProxy::Unknown,
    );
    let options = ForecastOptions {
        at: None,
        now: Timestamp::from_second(1_796_083_200)?,
        format: None,
        zone: TimeZone::UTC,
        top: 5,
        threshold: 0.01,
        sampled: 1.0,
        key: [7; 16],
        threads,
    };
    let sources = vec![LogSource::File(file.to_owned())];
    let made = forecast(policy, &reader, sources, &options, &|_| {})?;
    Ok(made.record.total.refused)
}

/// Ten rules of all kinds, of which most requests meet those that apply to them.
fn ten_rules() -> Result<Policy, AnyError> {
    let mut text =
        String::from("[gateway]\nhttp = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:1\"\n");
    for (id, paths, require) in [
        ("apps", "/**", "client = { minimum = { AcmeApp = \"5.1\", Chrome = \"109\" } }"),
        ("feeds", "/feeds/**", "http = \"2\""),
        ("old-http", "/**", "http = \"1.1\""),
        ("account", "/account/**", "tls = \"1.2\""),
        (
            "orders",
            "/api/v*/orders/**",
            "api = { minimum = \"2\", read = [\"path:/api/v{version}/**\"] }",
        ),
        ("items", "/api/*/items/**", "http = \"1.1\""),
        ("chat", "/chat", "websocket = true"),
        ("admin", "/admin/**", "tls = \"1.3\""),
        ("search", "/search", "http = \"2\""),
        ("tool", "/tool/**", "client = { minimum = { curl = \"7.0\" } }"),
    ] {
        write!(
            text,
            "[[rule]]\nid = \"{id}\"\npaths = [\"{paths}\"]\nrequire = {{ {require} }}\n"
        )?;
    }
    match upshift_config::load(&text, "measured") {
        Ok(loaded) => Ok(loaded.file.policy),
        Err(errors) => Err(format!("{errors:?}").into()),
    }
}

fn make_log(variety: Variety) -> Result<PathBuf, AnyError> {
    const AGENTS: [&str; 4] = [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        "AcmeApp/5.2 (Android 14)",
        "curl/8.5.0",
    ];
    const PATHS: [&str; 6] =
        ["/", "/feeds/news", "/api/v2/orders", "/static/app.js", "/account", "/search?q=a+b"];
    let mut text = String::with_capacity(LENGTH + 1024);
    let mut state = 7_u64;
    let mut below = |limit: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    let mut number = 0;
    while text.len() < LENGTH {
        number += 1;
        let second = number / 200;
        let (day, hour, minute) = (1 + second / 86_400, second / 3_600 % 24, second / 60 % 60);
        // One request in fifty is refused.
        let agent =
            if below(50) == 0 { "AcmeApp/4.9 (Android 9)" } else { AGENTS[below(4) as usize] };
        let http = if below(3) == 0 { "2.0" } else { "1.1" };
        let mut path = PATHS[below(6) as usize].to_owned();
        if http == "1.1" && (path.starts_with("/feeds") || path.starts_with("/search")) {
            "/".clone_into(&mut path);
        }
        let mut agent = agent.to_owned();
        if variety != Variety::Usual {
            path.truncate(path.trim_end_matches('/').len());
            write!(path, "/{}", below(1 << 30))?;
        }
        if variety == Variety::All {
            write!(agent, " Build/{}", below(1 << 30))?;
        }
        let (a, b) = (below(64), below(256));
        writeln!(
            text,
            "198.18.{a}.{b} - - [{day:02}/Nov/2026:{hour:02}:{minute:02}:{:02} +0000] \"GET {path} HTTP/{http}\" 200 {} \"-\" \"{agent}\"",
            second % 60,
            below(90_000)
        )?;
    }
    let path = std::env::temp_dir().join(format!("upshift-measure-{}.log", std::process::id()));
    std::fs::write(&path, text)?;
    Ok(path)
}
