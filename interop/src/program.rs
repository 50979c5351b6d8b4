//! Other programs: run to their end, or kept running while their lines are read.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crate::PATIENCE;

/// What a program that has ended left behind.
#[derive(Debug)]
pub struct Output {
    /// Its exit code; −1 where a signal ended it.
    pub code: i32,
    /// What it printed as data.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Output {
    /// Runs `command` to its end, without stdin.
    ///
    /// # Panics
    /// If it cannot be started, or does not end within two minutes.
    pub fn of(mut command: Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
        let begun = Instant::now();
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if begun.elapsed() < PATIENCE * 6 => pause(),
                _ => {
                    child.kill().ok();
                    panic!("{command:?} does not end");
                }
            }
        };
        let text = |reader: thread::JoinHandle<Vec<u8>>| {
            String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
        };
        Self { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Its data, if it ended well.
    ///
    /// # Panics
    /// If it did not.
    pub fn ok(self) -> String {
        assert!(self.code == 0, "exit code {}\n{}\n{}", self.code, self.stdout, self.stderr);
        self.stdout
    }
}

/// Runs a program to its end, without stdin.
///
/// # Panics
/// If it cannot be started, or does not end within two minutes.
pub fn run(program: &str, arguments: &[&str]) -> Output {
    let found = crate::peer::find(program).unwrap_or_else(|| program.into());
    let mut command = Command::new(found);
    command.args(arguments);
    Output::of(command)
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).ok();
        }
        bytes
    })
}

/// A program that runs as long as this value.
#[derive(Debug)]
pub struct Program {
    child: Child,
    said: Arc<Said>,
}

#[derive(Debug, Default)]
struct Said {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl Program {
    /// Starts it; its lines of stdout and stderr are kept together.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(mut command: Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let said = Arc::new(Said::default());
        let pipes: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|pipe| Box::new(pipe) as _),
            child.stderr.take().map(|pipe| Box::new(pipe) as _),
        ];
        for pipe in pipes.into_iter().flatten() {
            let said = Arc::clone(&said);
            thread::spawn(move || listen(pipe, &said));
        }
        Self { child, said }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub fn lines(&self) -> Vec<String> {
        self.said.lines().clone()
    }

    /// Waits until `pick` finds in its lines what it looks for.
    ///
    /// # Panics
    /// If that does not come in time: with what was said.
    pub fn wait_for<T>(&mut self, what: &str, pick: impl Fn(&[String]) -> Option<T>) -> T {
        let begun = Instant::now();
        let said = Arc::clone(&self.said);
        let mut lines = said.lines();
        loop {
            if let Some(found) = pick(&lines) {
                return found;
            }
            let ended = self.child.try_wait().ok().flatten();
            assert!(
                begun.elapsed() < PATIENCE && ended.is_none(),
                "no {what} ({ended:?}):\n{}",
                lines.join("\n")
            );
            let waited = said.more.wait_timeout(lines, std::time::Duration::from_millis(100));
            lines = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sends a signal: `TERM`, `HUP`.
    pub fn signal(&self, name: &str) {
        run("sh", &["-c", &format!("kill -{name} {}", self.id())]).ok();
    }

    /// Waits for it to end by itself, and gives its exit code.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn ended(&mut self) -> i32 {
        let code =
            crate::program::until("the end of a program", || self.child.try_wait().ok().flatten());
        code.code().unwrap_or(-1)
    }

    /// The most memory that it has held at once, in KiB.
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM")
    }

    /// The memory that it holds now, in KiB.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS")
    }

    fn status(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.id());
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.unwrap_or_else(|| panic!("no {name} in {path}"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Asks again and again until there is an answer.
///
/// # Panics
/// If none comes in time.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        pause();
    }
}

/// A moment between two questions.
#[expect(
    clippy::disallowed_methods,
    reason = "between two questions to another process there is nothing to wait on"
)]
pub fn pause() {
    thread::sleep(std::time::Duration::from_millis(10));
}

impl Said {
    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listen(pipe: impl Read, said: &Said) {
    for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
        said.lines().push(String::from_utf8_lossy(&line).into_owned());
        said.more.notify_all();
    }
}
