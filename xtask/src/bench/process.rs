//! The CPU time, the memory and the wake-ups of a running program, from `/proc`.

use std::io;
use std::path::Path;

use crate::run::entries;

/// The CPU time of a program since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct CpuTime {
    /// Time on a CPU of all threads, as the scheduler counts it.
    pub(crate) nanoseconds: u64,
    /// The ticks among it that found the program in user space.
    pub(crate) user_ticks: u64,
    /// The ticks among it that found it in the kernel.
    pub(crate) kernel_ticks: u64,
}

impl CpuTime {
    /// Reads the CPU time of a program.
    ///
    /// # Errors
    /// If it has ended.
    pub(crate) fn read(process: u32) -> io::Result<Self> {
        let mut nanoseconds = 0;
        for task in entries(Path::new(&format!("/proc/{process}/task"))) {
            // A thread may end between the listing and the reading.
            let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            nanoseconds += parse_schedstat(&text).unwrap_or_default();
        }
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        let Some((user_ticks, kernel_ticks)) = parse_ticks(&stat) else {
            return Err(io::Error::other(format!("/proc/{process}/stat has another form")));
        };
        Ok(Self { nanoseconds, user_ticks, kernel_ticks })
    }

    /// The time between an earlier reading and this one.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            nanoseconds: self.nanoseconds.saturating_sub(earlier.nanoseconds),
            user_ticks: self.user_ticks.saturating_sub(earlier.user_ticks),
            kernel_ticks: self.kernel_ticks.saturating_sub(earlier.kernel_ticks),
        }
    }
}

/// The memory of a program in bytes, with its share of pages that it has in common with others.
///
/// # Errors
/// If it has ended.
pub(crate) fn read_memory(process: u32) -> io::Result<u64> {
    let file = format!("/proc/{process}/smaps_rollup");
    match parse_pss(&std::fs::read_to_string(&file)?) {
        Some(kilobytes) => Ok(kilobytes * 1024),
        None => Err(io::Error::other(format!("{file} has no line Pss"))),
    }
}

/// The number of times that a thread of a program has begun to wait since its start: as often as
/// it was woken.
pub(crate) fn read_wakeups(process: u32) -> u64 {
    let mut wakeups = 0;
    for task in entries(Path::new(&format!("/proc/{process}/task"))) {
        let text = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        wakeups += parse_switches(&text).unwrap_or_default();
    }
    wakeups
}

/// The first number of a `schedstat`: nanoseconds on a CPU.
fn parse_schedstat(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

/// `utime` and `stime` of a `stat`.
fn parse_ticks(stat: &str) -> Option<(u64, u64)> {
    // The name of the program, in parentheses, may contain spaces.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11);
    let user = times.next()?.parse().ok()?;
    let kernel = times.next()?.parse().ok()?;
    Some((user, kernel))
}

/// The kilobytes of the line `Pss` of an `smaps_rollup`.
fn parse_pss(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// `voluntary_ctxt_switches` of the `status` of a thread.
fn parse_switches(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first lines of the `smaps_rollup` of an nginx.
    const ROLLUP: &str = "\
5555d1d74000-7fffa252c000 ---p 00000000 00:00 0                          [rollup]
Rss:                8504 kB
Pss:                6935 kB
Pss_Dirty:          2680 kB
";

    #[test]
    fn times_memory_and_switches_are_those_of_their_fields() {
        assert_eq!(parse_schedstat("1045502888 1296378825 17880\n"), Some(1_045_502_888));
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194304 100 200 0 0 11 12 13 14 20 0 1 0 5";
        assert_eq!(parse_ticks(stat), Some((11, 12)));
        assert_eq!(parse_pss(ROLLUP), Some(6935));
        let status = "Threads:\t1\nvoluntary_ctxt_switches:\t17\nnonvoluntary_ctxt_switches:\t9\n";
        assert_eq!(parse_switches(status), Some(17));
    }

    #[test]
    fn an_unknown_form_is_no_number() {
        assert_eq!(
            (parse_schedstat(""), parse_ticks("7 (a) S 1"), parse_pss("Pss: 1")),
            (None, None, None)
        );
    }
}
