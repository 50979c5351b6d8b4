//! Runs a client as a program: argument by argument, without a shell, and within limits.

use std::future::Future;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use upshift_record::RecordedBody;

/// The most of each output that is kept, in octets. A client that prints more is read on, so that
/// it does not block, and the rest is dropped.
const MOST_OUTPUT: usize = 256 * 1024;

/// After the process has ended, a child of it may hold its outputs open.
const OUTPUT_GRACE: Duration = Duration::from_millis(500);

/// A program, its arguments and its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCommand {
    /// The program: a path, or a name that `PATH` finds.
    pub program: String,
    /// The arguments.
    pub arguments: Vec<String>,
    /// Environment variables, in addition to those of this process.
    pub environment: Vec<(String, String)>,
    /// The folder that it runs in; the current one, if there is none.
    pub folder: Option<PathBuf>,
}

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOutput {
    /// The end.
    pub end: ClientEnd,
    /// The standard output, at most 256 KiB of it.
    pub stdout: RecordedBody,
    /// The standard error, at most 256 KiB of it.
    pub stderr: RecordedBody,
    /// The time from the start to the end.
    pub took: Duration,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEnd {
    /// It ended with this exit code.
    Exited(i32),
    /// It was ended by this signal, which was not ours.
    Signalled(i32),
    /// It was still running at its time limit, and was killed.
    TimedOut,
    /// It was stopped before that, for what it did on the wire, and was killed.
    Stopped,
    /// It could not be started.
    NotStarted(String),
}

impl ClientOutput {
    /// The exit code, if it ended with one.
    pub fn exit_code(&self) -> Option<i32> {
        match self.end {
            ClientEnd::Exited(code) => Some(code),
            _ => None,
        }
    }

    fn not_started(error: &std::io::Error) -> Self {
        let end = ClientEnd::NotStarted(error.to_string());
        let nothing = RecordedBody::default();
        Self { end, stdout: nothing.clone(), stderr: nothing, took: Duration::ZERO }
    }
}

/// Runs `command` until it ends, `limit` is over, or `stop` is ready. The process and its children
/// are killed in the latter cases.
pub async fn run_client(
    command: &ClientCommand,
    limit: Duration,
    stop: impl Future<Output = ()>,
) -> ClientOutput {
    let started = Instant::now();
    let mut child = match spawn(command) {
        Ok(child) => child,
        Err(error) => return ClientOutput::not_started(&error),
    };
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let stdout = tokio::spawn(read_output(child.stdout.take()));
    let stderr = tokio::spawn(read_output(child.stderr.take()));
    let end = tokio::select! {
        status = child.wait() => end_of(status),
        () = tokio::time::sleep(limit) => ClientEnd::TimedOut,
        () = stop => ClientEnd::Stopped,
    };
    let took = started.elapsed();
    // Also after an orderly end: children that it left behind would go on asking.
    if let Some(group) = group {
        // It fails if the group is gone, which is what is wanted.
        let _ = kill_process_group(group, Signal::KILL);
    }
    // Reaps the process; after `wait` it returns at once.
    let _ = child.wait().await;
    let (stdout, stderr) = (take_output(stdout).await, take_output(stderr).await);
    ClientOutput { end, stdout, stderr, took }
}

fn spawn(command: &ClientCommand) -> std::io::Result<Child> {
    let mut process = Command::new(&command.program);
    if let Some(folder) = &command.folder {
        process.current_dir(folder);
    }
    process
        .args(&command.arguments)
        .envs(command.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that its children can be killed with it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

fn end_of(status: std::io::Result<ExitStatus>) -> ClientEnd {
    let status = match status {
        Ok(status) => status,
        Err(error) => return ClientEnd::NotStarted(error.to_string()),
    };
    match (status.code(), status.signal()) {
        (Some(code), _) => ClientEnd::Exited(code),
        // A process that has ended without a code was ended by a signal.
        (None, signal) => ClientEnd::Signalled(signal.unwrap_or_default()),
    }
}

async fn read_output(pipe: Option<impl AsyncRead + Unpin>) -> RecordedBody {
    let mut output = RecordedBody::default();
    let mut seen = 0_u64;
    let Some(mut pipe) = pipe else { return output };
    let mut buffer = [0; 8192];
    loop {
        match pipe.read(&mut buffer).await {
            Ok(0) | Err(_) => return output,
            Ok(length) => {
                let room = MOST_OUTPUT - output.octets.len();
                output.octets.extend_from_slice(&buffer[..length.min(room)]);
                seen += length as u64;
                if seen > MOST_OUTPUT as u64 {
                    output.cut_from = Some(seen);
                }
            }
        }
    }
}

async fn take_output(reading: tokio::task::JoinHandle<RecordedBody>) -> RecordedBody {
    let abort = reading.abort_handle();
    match tokio::time::timeout(OUTPUT_GRACE, reading).await {
        Ok(output) => output.unwrap_or_default(),
        Err(_) => {
            abort.abort();
            // Nothing is known of its length, except that this is not all of it.
            RecordedBody { octets: Vec::new(), cut_from: Some(0) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> ClientCommand {
        ClientCommand {
            program: "sh".to_owned(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            environment: vec![("GREETING".to_owned(), "a b".to_owned())],
            folder: None,
        }
    }

    async fn run(script: &str, limit: Duration) -> ClientOutput {
        run_client(&shell(script), limit, std::future::pending()).await
    }

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn outputs_and_exit_code_are_kept() {
        let output = run("echo \"$GREETING\"; echo no >&2; exit 7", LONG).await;
        assert_eq!(output.end, ClientEnd::Exited(7));
        assert_eq!(
            (&output.stdout.octets[..], &output.stderr.octets[..]),
            (&b"a b\n"[..], &b"no\n"[..])
        );
    }

    #[tokio::test]
    async fn a_client_that_hangs_is_killed_with_its_children() {
        let output = run("sleep 100 & echo started; wait", Duration::from_millis(300)).await;
        assert_eq!(output.end, ClientEnd::TimedOut);
        assert_eq!(output.stdout.octets, b"started\n");
    }

    #[tokio::test]
    async fn a_client_is_stopped_on_demand() {
        let output = run_client(&shell("sleep 100"), LONG, std::future::ready(())).await;
        assert_eq!(output.end, ClientEnd::Stopped);
    }

    #[tokio::test]
    async fn a_long_output_does_not_block() {
        let output = run("head -c 1000000 /dev/zero", LONG).await;
        assert_eq!(output.end, ClientEnd::Exited(0));
        let stdout = output.stdout;
        assert_eq!((stdout.octets.len(), stdout.cut_from), (MOST_OUTPUT, Some(1_000_000)));
    }

    #[tokio::test]
    async fn a_signal_is_kept() {
        assert_eq!(run("kill -SEGV $$", LONG).await.end, ClientEnd::Signalled(11));
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let command = ClientCommand { program: "no-such-client".to_owned(), ..shell("") };
        let output = run_client(&command, LONG, std::future::pending()).await;
        assert!(matches!(output.end, ClientEnd::NotStarted(_)), "{output:?}");
    }
}
