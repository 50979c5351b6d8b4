//! The CPU time and the memory of programs, from `/proc`.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// The ticks of a second in `/proc`, on all architectures of Linux in use.
const TICKS: f64 = 100.0;

/// The cost of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timed {
    /// User and system time of all threads.
    pub(crate) cpu_seconds: f64,
    /// The most memory that was resident at once, as far as it was seen.
    pub(crate) peak_kilobytes: u64,
}

/// Runs a program to its end.
///
/// # Errors
/// If it cannot be started, or fails.
pub(crate) fn run_timed(command: &mut Command) -> io::Result<Timed> {
    let before = children_seconds()?;
    let child = command.spawn()?;
    let peak_kilobytes = watch_memory(child)?;
    // At least a tick, so that a speed is a number.
    let cpu_seconds = (children_seconds()? - before).max(1.0 / TICKS);
    Ok(Timed { cpu_seconds, peak_kilobytes })
}

/// Waits for the end of a child, and returns the most memory that it had.
fn watch_memory(mut child: Child) -> io::Result<u64> {
    let status_file = format!("/proc/{}/status", child.id());
    let (sender, ended) = channel();
    let waiting = std::thread::spawn(move || {
        let status = child.wait();
        sender.send(()).ok();
        status
    });
    let mut peak = 0;
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(Duration::from_millis(5)) {
        peak = peak.max(peak_in(&std::fs::read_to_string(&status_file).unwrap_or_default()));
    }
    match waiting.join() {
        Ok(Ok(status)) if status.success() => Ok(peak),
        Ok(Ok(status)) => Err(io::Error::other(format!("it ended with {status}"))),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(io::Error::other("the thread that waited for it panicked")),
    }
}

/// The `VmHWM` of a status file.
fn peak_in(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|rest| rest.trim().strip_suffix("kB"));
    number.and_then(|number| number.trim().parse().ok()).unwrap_or_default()
}

/// The user and system time of all threads of a running process.
///
/// # Errors
/// If there is no such process.
pub(crate) fn process_seconds(process: u32) -> io::Result<f64> {
    seconds_in(&format!("/proc/{process}/stat"), 11)
}

/// The CPU time of all children that ended: `cutime` and `cstime`.
fn children_seconds() -> io::Result<f64> {
    seconds_in("/proc/self/stat", 13)
}

/// The sum of two times in a status file: that at `place`, counted from the state, and the next.
fn seconds_in(file: &str, place: usize) -> io::Result<f64> {
    match ticks_in(&std::fs::read_to_string(file)?, place) {
        Some(ticks) => Ok(ticks as f64 / TICKS),
        None => Err(io::Error::other(format!("{file} has another form"))),
    }
}

fn ticks_in(stat: &str, place: usize) -> Option<u64> {
    // The name of the program, in parentheses, may contain spaces.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(place);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_memory_are_those_of_the_fields() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194304 100 200 0 0 11 12 13 14 20 0 1 0 5";
        assert_eq!((ticks_in(stat, 11), ticks_in(stat, 13)), (Some(23), Some(27)));
        assert_eq!(peak_in("Name:\tx\nVmHWM:\t   10240 kB\nVmRSS:\t 1 kB\n"), 10_240);
    }
}
