//! User-space instructions, counted by callgrind: repeatable to about one per cent on any machine.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::servers::{RunningServer, ServerKind};
use super::test_bed::TestBed;
use crate::run::{command, output, pause, read_text};

/// The instructions between two moments.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct InstructionProfile {
    pub(crate) total: u64,
    /// The instructions of each function itself, without those that it calls.
    pub(crate) functions: HashMap<String, u64>,
}

/// A program within callgrind.
pub(crate) struct CountedProgram {
    process: u32,
    file: PathBuf,
    dumps: u32,
}

/// A server within callgrind.
pub(crate) struct CountedServer {
    pub(crate) server: RunningServer,
    program: CountedProgram,
}

/// The longest that callgrind may take to write a dump.
const LONGEST_DUMP: Duration = Duration::from_secs(10);

/// The flag of callgrind with which each thread has a file of its own.
pub(crate) const SEPARATE_THREADS: &str = "--separate-threads=yes";

/// The words before a command line that run it within callgrind, which writes to `file`.
pub(crate) fn callgrind_wrapper(file: &Path) -> [String; 4] {
    [
        "valgrind".to_owned(),
        "--quiet".to_owned(),
        "--tool=callgrind".to_owned(),
        format!("--callgrind-out-file={}", file.display()),
    ]
}

impl CountedServer {
    /// Starts a server within callgrind.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn start(bed: &TestBed, kind: ServerKind) -> io::Result<Self> {
        let file = bed.folder().join(format!("callgrind-{}", kind.name()));
        let server = bed.start_within(&callgrind_wrapper(&file), kind)?;
        let program = CountedProgram::new(server.id(), file);
        Ok(Self { server, program })
    }

    /// Counts the instructions of the server while something is done.
    ///
    /// # Errors
    /// If it fails, or callgrind cannot be controlled.
    pub(crate) fn count_while(
        &mut self,
        act: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<InstructionProfile> {
        self.program.count_while(act)
    }
}

impl CountedProgram {
    /// A process that was started with the words of [`callgrind_wrapper`].
    pub(crate) fn new(process: u32, file: PathBuf) -> Self {
        Self { process, file, dumps: 0 }
    }

    /// Counts the instructions of the program while something is done.
    ///
    /// # Errors
    /// If it fails, or callgrind cannot be controlled.
    pub(crate) fn count_while(
        &mut self,
        act: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<InstructionProfile> {
        self.control("--zero")?;
        act()?;
        self.control("--dump")?;
        self.dumps += 1;
        self.read_dump()
    }

    /// Counts the instructions of each thread of the program while something is done. The program
    /// has to be started with [`SEPARATE_THREADS`] behind the words of [`callgrind_wrapper`].
    ///
    /// # Errors
    /// If it fails, or callgrind cannot be controlled.
    pub(crate) fn count_threads_while(
        &mut self,
        act: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<Vec<u64>> {
        self.control("--zero")?;
        act()?;
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.process))?.count();
        self.control("--dump")?;
        self.dumps += 1;
        let latest = Instant::now() + LONGEST_DUMP;
        while Instant::now() < latest {
            let totals = self.thread_totals()?;
            if totals.len() >= threads {
                return Ok(totals);
            }
            pause(Duration::from_millis(50));
        }
        Err(io::Error::other(format!("callgrind did not write sums of {threads} threads")))
    }

    /// The sums of the files of the latest dump, one for each thread.
    fn thread_totals(&self) -> io::Result<Vec<u64>> {
        let start = format!("{}.{}-", self.file.display(), self.dumps);
        let mut totals = Vec::new();
        let folder = self.file.parent().unwrap_or_else(|| Path::new("."));
        for entry in std::fs::read_dir(folder)? {
            let file = entry?.path();
            if file.to_string_lossy().starts_with(&start) {
                totals.extend(parse_profile(&read_text(&file)).map(|profile| profile.total));
            }
        }
        Ok(totals)
    }

    fn control(&self, request: &str) -> io::Result<()> {
        let mut control = command("callgrind_control", [request, &self.process.to_string()]);
        let printed = output(&mut control).map_err(io::Error::other)?;
        if printed.contains("OK") {
            return Ok(());
        }
        Err(io::Error::other(format!("callgrind_control {request}: {}", printed.trim())))
    }

    fn read_dump(&self) -> io::Result<InstructionProfile> {
        let file = format!("{}.{}", self.file.display(), self.dumps);
        let latest = Instant::now() + LONGEST_DUMP;
        while Instant::now() < latest {
            // The last line is its sum: without it, the file is still being written.
            if let Some(profile) = parse_profile(&read_text(file.as_ref())) {
                return Ok(profile);
            }
            pause(Duration::from_millis(50));
        }
        Err(io::Error::other(format!("callgrind wrote no sum into {file}")))
    }
}

/// Reads a file of callgrind; `None` without its last line.
fn parse_profile(text: &str) -> Option<InstructionProfile> {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut costs: HashMap<&str, u64> = HashMap::new();
    let mut function = "";
    let mut is_call = false;
    let mut total = None;
    for line in text.lines() {
        if let Some(sum) = line.strip_prefix("totals:") {
            total = sum.trim().parse().ok();
        } else if let Some(reference) = line.strip_prefix("fn=") {
            function = note_name(reference, &mut names);
        } else if let Some(reference) = line.strip_prefix("cfn=") {
            note_name(reference, &mut names);
        } else if line.starts_with("calls=") {
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            // Behind a call stands the cost of the called function, which counts it itself.
            if !is_call {
                *costs.entry(function).or_default() += cost_of_line(line);
            }
            is_call = false;
        }
    }
    let mut functions: HashMap<String, u64> = HashMap::new();
    for (reference, cost) in costs {
        let name = names.get(reference).copied().unwrap_or(reference);
        *functions.entry(short_name(name)).or_default() += cost;
    }
    Some(InstructionProfile { total: total?, functions })
}

/// Keeps the name of `(7) name`, which is given once. Returns the `(7)`.
fn note_name<'t>(reference: &'t str, names: &mut HashMap<&'t str, &'t str>) -> &'t str {
    match reference.split_once(' ') {
        Some((number, name)) => {
            names.insert(number, name);
            number
        }
        None => reference,
    }
}

fn cost_of_line(line: &str) -> u64 {
    let mut numbers = line.split(' ').skip(1);
    numbers.next().and_then(|cost| cost.parse().ok()).unwrap_or_default()
}

/// The name without the hash of the compiler and the number of a recursion.
fn short_name(name: &str) -> String {
    let whole = name.split('\'').next().unwrap_or(name);
    match whole.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 => path.to_owned(),
        _ => whole.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    /// Lines of a file of callgrind 3.19.0, of an nginx and of a Rust program, with other numbers.
    const FILE: &str = "\
# callgrind format
version: 1
creator: callgrind-3.19.0
desc: Timerange: Basic block 0 - 6948622
positions: line
events: Ir
summary: 138


ob=(3) /usr/lib/x86_64-linux-gnu/libc.so.6
fl=(293) ./socket/../sysdeps/unix/sysv/linux/accept4.c
fn=(9252) accept4
31 4
-2 4
+2 20
* 2
cfn=(882) __memcmp_avx2_movbe
calls=3 80
31 99

fl=(197) ./string/../sysdeps/x86_64/multiarch/memcmp-avx2-movbe.S
fn=(882)
80 1
+1 98
fn=(9) http::header::map::HeaderMap<T>::insert::h0123456789abcdef
5 9

totals: 138
";

    #[test]
    fn a_function_has_its_own_instructions() {
        let profile = parse_profile(FILE).unwrap();
        assert_eq!(profile.total, 138);
        let mut functions: Vec<_> = profile.functions.into_iter().collect();
        functions.sort_by_key(|(_, cost)| *cost);
        let expected = [
            ("http::header::map::HeaderMap<T>::insert".to_owned(), 9),
            ("accept4".to_owned(), 30),
            ("__memcmp_avx2_movbe".to_owned(), 99),
        ];
        assert_eq!(functions, expected);
    }

    /// A file without its sum is not read: it is still being written, and would count too little.
    #[test]
    fn a_file_without_its_sum_is_not_read() {
        assert_eq!(parse_profile(FILE.split_once("totals").unwrap().0), None);
    }
}
