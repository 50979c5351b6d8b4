//! Starting a server, waiting until it answers, and stopping it.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{RuleSet, ServerKind, Surroundings, fill_template, find_free_port};
use crate::bench::http1;
use crate::run::{pause, read_text};

/// The longest that a start may take: with 100,000 rules, and within valgrind.
const LONGEST_START: Duration = Duration::from_secs(60);

/// A child that is stopped when it is dropped.
#[derive(Debug)]
pub(crate) struct RunningProgram(Child);

impl RunningProgram {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct RunningServer {
    pub(crate) kind: ServerKind,
    program: RunningProgram,
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    /// The time from its start to its first answer.
    pub(crate) started_in: Duration,
    /// The path of requests that it refuses if they have an old version.
    pub(crate) path: String,
    pub(crate) configuration: PathBuf,
}

impl RunningServer {
    pub(crate) fn id(&self) -> u32 {
        self.program.id()
    }
}

/// Starts a server on CPU 0, and waits for its first answer. `wrapper` is a program with arguments
/// that runs it, such as valgrind.
///
/// # Errors
/// If it cannot be started, or ends, or does not answer as expected.
pub(crate) fn start_server(
    kind: ServerKind,
    surroundings: &Surroundings,
    rules: RuleSet,
    wrapper: &[String],
) -> io::Result<RunningServer> {
    let folder = create_folder(&surroundings.folder, kind)?;
    let ports = [find_free_port()?, find_free_port()?];
    let configuration = write_configuration(kind, surroundings, rules, &folder, ports)?;
    let command = serve_command(kind, surroundings, wrapper, &configuration);
    let [http, https] = ports.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let log = folder.join("log");
    let begun = Instant::now();
    let mut program = spawn_with_log(&command, &log)?;
    await_answer(&mut program, http, &rules.path(), &log)?;
    let started_in = begun.elapsed();
    Ok(RunningServer { kind, program, http, https, started_in, path: rules.path(), configuration })
}

fn serve_command(
    kind: ServerKind,
    surroundings: &Surroundings,
    wrapper: &[String],
    configuration: &Path,
) -> Command {
    let program = match kind.find_program() {
        Some(program) => program,
        None => surroundings.gateway.clone(),
    };
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "0"]).args(wrapper).arg(program);
    command.args(kind.arguments(configuration));
    command
}

/// Creates a folder for a server. Each has its own, because a profile runs beside the measured
/// servers.
fn create_folder(parent: &Path, kind: ServerKind) -> io::Result<PathBuf> {
    for number in 1.. {
        let folder = parent.join(format!("{}-{number}", kind.name()));
        match std::fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => return Ok(folder),
        }
    }
    Err(io::Error::other("there are too many folders"))
}

fn write_configuration(
    kind: ServerKind,
    surroundings: &Surroundings,
    rules: RuleSet,
    folder: &Path,
    [http, https]: [u16; 2],
) -> io::Result<PathBuf> {
    let values = [
        // First, because rules contain no placeholders.
        ("rules", rules.render_for(kind, folder)?),
        ("http", http.to_string()),
        ("https", https.to_string()),
        ("folder", folder.display().to_string()),
        ("certificate", surroundings.certificate.display().to_string()),
        ("key", surroundings.key.display().to_string()),
        ("certificate_and_key", surroundings.certificate_and_key.display().to_string()),
        ("upstream", surroundings.upstream.to_string()),
        ("upstream_port", surroundings.upstream.port().to_string()),
        ("tunnels", surroundings.tunnels.to_string()),
        ("tunnels_port", surroundings.tunnels.port().to_string()),
    ];
    let (name, template) = kind.configuration_template();
    let file = folder.join(name);
    std::fs::write(&file, fill_template(template, &values))?;
    Ok(file)
}

/// Starts the upstream of all servers, an nginx that answers every request with 1 KiB.
///
/// # Errors
/// If it cannot be started.
pub(crate) fn start_upstream(parent: &Path, address: SocketAddr) -> io::Result<RunningProgram> {
    let folder = parent.join("upstream");
    std::fs::create_dir_all(&folder)?;
    let values = [
        ("folder", folder.display().to_string()),
        ("upstream", address.to_string()),
        ("kibibyte", "x".repeat(1024)),
    ];
    let configuration = folder.join("nginx.conf");
    std::fs::write(&configuration, fill_template(include_str!("upstream.conf"), &values))?;
    let Some(nginx) = ServerKind::Nginx.find_program() else {
        return Err(io::Error::other("nginx is not installed; it is the upstream of all servers"));
    };
    let log = folder.join("log");
    let mut program = spawn_with_log(Command::new(nginx).arg("-c").arg(configuration), &log)?;
    await_answer(&mut program, address, "/", &log)?;
    Ok(program)
}

/// Starts a program that ends with this process, even if this one is killed.
fn spawn_with_log(command: &Command, log: &Path) -> io::Result<RunningProgram> {
    let mut guarded = Command::new("setpriv");
    guarded.args(["--pdeathsig", "KILL"]).arg(command.get_program()).args(command.get_args());
    guarded.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(log)?);
    Ok(RunningProgram(guarded.spawn()?))
}

/// Sends requests until one is answered.
fn await_answer(
    program: &mut RunningProgram,
    address: SocketAddr,
    path: &str,
    log: &Path,
) -> io::Result<()> {
    let latest = Instant::now() + LONGEST_START;
    loop {
        if let Some(status) = program.0.try_wait()? {
            let messages = read_text(log);
            return Err(io::Error::other(format!("it ended with {status}: {}", messages.trim())));
        }
        if http1::ask_once(address, path).is_ok() {
            return Ok(());
        }
        if Instant::now() > latest {
            let seconds = LONGEST_START.as_secs();
            let messages = read_text(log);
            let last = messages.lines().last().unwrap_or("it printed nothing");
            return Err(io::Error::other(format!("no answer within {seconds} s: {last}")));
        }
        pause(Duration::from_millis(2));
    }
}
