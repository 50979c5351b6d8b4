//! System calls, counted by strace.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::test_bed::TestBed;
use crate::run::read_text;

/// The number of each system call.
pub(crate) type Calls = BTreeMap<String, u64>;

/// Counts the system calls of a process while something is done.
///
/// # Errors
/// If it fails, or strace cannot be attached.
pub(crate) fn count_calls(
    bed: &TestBed,
    process: u32,
    act: impl FnOnce() -> io::Result<()>,
) -> io::Result<Calls> {
    let file = bed.folder().join("strace");
    let mut strace = Command::new("strace")
        .args(["-f", "-c", "-p", &process.to_string(), "-o"])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    await_attached(&mut strace)?;
    let done = act();
    // It prints its table when it is interrupted.
    if let Some(id) = Pid::from_raw(strace.id().cast_signed()) {
        kill_process(id, Signal::INT)?;
    }
    strace.wait()?;
    done?;
    match parse_calls(&read_text(&file)) {
        Some(calls) => Ok(calls),
        None => Err(io::Error::other(format!("strace printed no table: {}", read_text(&file)))),
    }
}

/// Waits for the message that strace is attached.
fn await_attached(strace: &mut Child) -> io::Result<()> {
    let Some(stderr) = strace.stderr.take() else {
        return Err(io::Error::other("strace has no stderr"));
    };
    let mut lines = BufReader::new(stderr).lines();
    while let Some(line) = lines.next().transpose()? {
        if line.contains("attached") {
            // A pipe that is not read would fill, and stop it.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(());
        }
        if line.contains("attach:") {
            return Err(io::Error::other(line));
        }
    }
    Err(io::Error::other("strace ended before it was attached"))
}

/// The rows of the table between its two rules: the number is the fourth column, and the name is
/// the last, behind that of errors if there are any.
fn parse_calls(text: &str) -> Option<Calls> {
    let mut calls = Calls::new();
    let mut rules = 0;
    for line in text.lines() {
        if line.starts_with("------") {
            rules += 1;
        } else if rules == 1 {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let (number, name) = (columns.get(3)?.parse().ok()?, columns.last()?);
            calls.insert((*name).to_owned(), number);
        }
    }
    if rules == 2 { Some(calls) } else { None }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    /// The table of strace 6.1, with errors in one row.
    const TABLE: &str = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 66.08    0.014175          14      1000           writev
 25.49    0.005468           5      1004         4 recvfrom
------ ----------- ----------- --------- --------- ----------------
100.00    0.021450           9      2275         4 total
";

    #[test]
    fn calls_are_counted_by_name() {
        let calls: Vec<_> = parse_calls(TABLE).unwrap().into_iter().collect();
        assert_eq!(calls, [("recvfrom".to_owned(), 1004), ("writev".to_owned(), 1000)]);
        assert_eq!(parse_calls("strace: attach: Operation not permitted"), None);
    }
}
