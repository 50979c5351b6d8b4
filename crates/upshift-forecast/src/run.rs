//! A forecast of whole logs: parts of files, counted by several threads.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use upshift_adoption::sketch::CallerHasher;
use upshift_core::Policy;
use upshift_record::forecast::{ForecastRecord, SourceRecord};

use crate::decide::DecisionGaps;
use crate::format::{FormatError, LogFormat};
use crate::guess::{GuessError, guess_format};
use crate::options::ForecastOptions;
use crate::report::{PartStart, ReportInput, report};
use crate::request::RequestReader;
use crate::source::{
    Block, BlockReader, Compression, LogSource, OpenSource, SourceError, describe_damage,
    line_ranges, open_range,
};
use crate::steps::{PlanStep, RampSteps, steps_to_come};
use crate::tally::Totals;
use crate::view::View;
use crate::worker::{Job, Worker};

/// The bytes of a plain file from which on it is read in ranges.
const RANGED: u64 = 8 * 1024 * 1024;

/// A forecast, and the faults of the sources that could not be read to their ends.
#[derive(Debug)]
pub struct Forecast {
    /// The numbers.
    pub record: ForecastRecord,
    /// The faults.
    pub faults: Vec<SourceError>,
}

/// The reason why there is no forecast.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForecastError {
    /// The format is none.
    #[error("{0}")]
    Format(FormatError),
    /// The format of a source cannot be guessed.
    #[error("{0}")]
    Guess(GuessError),
}

/// One part of a source.
struct Part {
    source: usize,
    /// The bytes; `None` for a stream.
    range: Option<(u64, u64)>,
}

/// The parts that are still to be counted, and the counts of the others.
struct PartQueue<'q> {
    parts: &'q [Part],
    next: AtomicUsize,
    counts: Mutex<Counts>,
}

/// The counts of all parts so far. They are added part by part, so that memory does not grow with
/// the number of logs.
struct Counts {
    totals: Totals,
    gaps: DecisionGaps,
    /// The lines of each part.
    lines: Vec<u64>,
    /// The faults, with the indices of their parts.
    faults: Vec<(usize, SourceError)>,
}

/// A source that is being read.
struct ReadSource {
    opened: Mutex<OpenSource>,
    name: LogSource,
    format: LogFormat,
}

/// Counts the requests of logs under a policy. `progress` is called with the number of bytes that
/// were read since it was called last.
///
/// # Errors
/// If the format is wrong, or cannot be guessed. A source that cannot be read is a fault of the
/// forecast.
pub fn forecast(
    policy: &Policy,
    reader: &RequestReader,
    sources: Vec<LogSource>,
    options: &ForecastOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Forecast, ForecastError> {
    let mut faults = Vec::new();
    let mut notes = Vec::new();
    let sources = open_sources(reader, sources, options, &mut faults, &mut notes)?;
    let parts = parts_of(&sources, options.threads as u64, &mut faults);
    let plans: Vec<_> =
        policy.rules().iter().map(|rule| steps_to_come(rule, options.now)).collect();
    let job = Job::new(policy, reader, options, &plans);
    let counts = count_parts(&job, &sources, &parts, options.threads, progress);
    let mut records = source_records(&sources);
    let starts = part_starts(&parts, &counts.lines, &mut records);
    faults.extend(counts.faults.into_iter().map(|(_, fault)| fault));
    let input = ReportInput {
        policy,
        options,
        totals: counts.totals,
        gaps: counts.gaps,
        plans,
        sources: records,
        parts: starts,
        notes,
    };
    Ok(Forecast { record: report(input), faults })
}

impl<'p> Job<'p> {
    fn new(
        policy: &'p Policy,
        reader: &'p RequestReader,
        options: &ForecastOptions,
        plans: &[Vec<PlanStep>],
    ) -> Self {
        let (view, at) = match options.at {
            Some(at) => (View::at(policy, at), at),
            None => (View::enforced(policy), options.now),
        };
        let mut ramps = Vec::new();
        for steps in plans {
            // As of a date, there is no step to come.
            let steps = if options.at.is_some() { &[] } else { steps.as_slice() };
            ramps.push(RampSteps::of_steps(steps));
        }
        let hasher = CallerHasher::new(options.key);
        Self { policy, reader, view, at, now: options.now, hasher, ramps }
    }
}

fn open_sources(
    reader: &RequestReader,
    sources: Vec<LogSource>,
    options: &ForecastOptions,
    faults: &mut Vec<SourceError>,
    notes: &mut Vec<String>,
) -> Result<Vec<ReadSource>, ForecastError> {
    let named = match &options.format {
        Some(text) => Some(
            LogFormat::parse(text, &reader.wanted, options.zone.clone())
                .map_err(ForecastError::Format)?,
        ),
        None => None,
    };
    let mut read: Vec<ReadSource> = Vec::new();
    let mut beginnings: Vec<(Vec<u8>, String)> = Vec::new();
    for source in sources {
        let opened = match source.clone().open() {
            Ok(opened) => opened,
            Err(fault) => {
                faults.push(fault);
                continue;
            }
        };
        note_same_beginning(&opened, &mut beginnings, notes);
        let format = match &named {
            Some(format) => format.clone(),
            // It has no lines of any format.
            None if opened.sample.is_empty() => continue,
            None => guess_format(
                &opened.sample,
                &source.to_string(),
                &reader.wanted,
                options.zone.clone(),
            )
            .map_err(ForecastError::Guess)?,
        };
        read.push(ReadSource { opened: Mutex::new(opened), name: source, format });
    }
    Ok(read)
}

/// Notes that a source starts like an earlier one: most likely it is the same log, perhaps
/// compressed.
fn note_same_beginning(
    opened: &OpenSource,
    beginnings: &mut Vec<(Vec<u8>, String)>,
    notes: &mut Vec<String>,
) {
    const COMPARED: usize = 4 * 1024;
    let length = opened.beginning.min(COMPARED);
    if length == 0 {
        return;
    }
    let beginning = opened.sample[..length].to_vec();
    let name = opened.source.to_string();
    match beginnings.iter().find(|(known, _)| *known == beginning) {
        Some((_, first)) => notes.push(format!(
            "{name} starts like {first}; if they are the same log, its requests count twice"
        )),
        None => beginnings.push((beginning, name)),
    }
}

fn parts_of(sources: &[ReadSource], threads: u64, faults: &mut Vec<SourceError>) -> Vec<Part> {
    let mut parts = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let length = lock(&source.opened).length;
        let (LogSource::File(path), Some(length)) = (&source.name, length) else {
            parts.push(Part { source: index, range: None });
            continue;
        };
        let is_one = length < RANGED || !source.format.has_independent_lines();
        let count = if is_one { 1 } else { threads.max(1) };
        match line_ranges(path, length, count) {
            Ok(ranges) => {
                for range in ranges {
                    parts.push(Part { source: index, range: Some(range) });
                }
            }
            Err(error) => faults.push(source.name.error(&error)),
        }
    }
    parts
}

/// Counts all parts.
fn count_parts(
    job: &Job<'_>,
    sources: &[ReadSource],
    parts: &[Part],
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Counts {
    let counts = Counts {
        totals: Totals::default(),
        gaps: DecisionGaps::of_rules(job.policy.rules().len()),
        lines: vec![0; parts.len()],
        faults: Vec::new(),
    };
    let queue = PartQueue { parts, next: AtomicUsize::new(0), counts: Mutex::new(counts) };
    // A worker that panics has printed why; the panic goes on when the scope ends.
    std::thread::scope(|scope| {
        for _ in 1..threads.min(parts.len()) {
            scope.spawn(|| queue.count_all(job, sources, progress));
        }
        queue.count_all(job, sources, progress);
    });
    let mut counts = queue.counts.into_inner().unwrap_or_else(PoisonError::into_inner);
    counts.faults.sort_by_key(|(index, _)| *index);
    counts
}

impl PartQueue<'_> {
    /// Counts parts until there are no more.
    fn count_all(&self, job: &Job<'_>, sources: &[ReadSource], progress: &(dyn Fn(u64) + Sync)) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = self.parts.get(index) else { return };
            let mut worker = Worker::new(job);
            let fault = count_part(&mut worker, &sources[part.source], part, progress);
            lock(&self.counts).add(index, worker, fault);
        }
    }
}

impl Counts {
    fn add(&mut self, index: usize, worker: Worker<'_>, fault: Option<SourceError>) {
        let (tally, known, gaps) = worker.finish();
        self.lines[index] = tally.lines;
        self.totals.add(index, tally, &known);
        self.gaps.merge(gaps);
        self.faults.extend(fault.map(|fault| (index, fault)));
    }
}

/// The beginnings of the parts. Adds the lines of all parts to the records of their sources.
fn part_starts(parts: &[Part], lines: &[u64], records: &mut [SourceRecord]) -> Vec<PartStart> {
    let mut starts = Vec::new();
    for (part, lines) in parts.iter().zip(lines) {
        let record = &mut records[part.source];
        starts.push(PartStart { source: part.source, lines_before: record.lines });
        record.lines += lines;
    }
    starts
}

/// Counts the lines of a part, and returns the fault that it ends with.
fn count_part(
    worker: &mut Worker<'_>,
    source: &ReadSource,
    part: &Part,
    progress: &(dyn Fn(u64) + Sync),
) -> Option<SourceError> {
    let Err(error) = read_part(worker, source, part, progress) else { return None };
    let opened = lock(&source.opened);
    let message = match opened.compression {
        Compression::None => error.to_string(),
        _ => describe_damage(opened.position(), &error),
    };
    Some(source.name.error(&message))
}

fn read_part(
    worker: &mut Worker<'_>,
    source: &ReadSource,
    part: &Part,
    progress: &(dyn Fn(u64) + Sync),
) -> io::Result<()> {
    if let (LogSource::File(path), Some((from, to))) = (&source.name, part.range) {
        let range = open_range(path, from, to)?;
        return read_lines(worker, BlockReader::new(range), &source.format, &mut |bytes| {
            progress(bytes);
        });
    }
    let (stream, position) = {
        let mut opened = lock(&source.opened);
        (opened.take_stream(), opened.position_counter())
    };
    let Some(stream) = stream else { return Ok(()) };
    let mut reported = 0;
    // The progress is that of the file, and not of what comes out of it.
    read_lines(worker, BlockReader::new(stream), &source.format, &mut |_| {
        let read = position.load(Ordering::Relaxed);
        progress(read - reported);
        reported = read;
    })
}

fn read_lines<R: io::Read>(
    worker: &mut Worker<'_>,
    mut blocks: BlockReader<R>,
    format: &LogFormat,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let mut state = format.start();
    while let Some(block) = blocks.next_block()? {
        match block {
            Block::Lines(block) => {
                worker.count_block(block, format, &mut state);
                progress(block.len() as u64);
            }
            Block::TooLong(beginning) => worker.count_long_line(beginning),
        }
    }
    Ok(())
}

fn source_records(sources: &[ReadSource]) -> Vec<SourceRecord> {
    let mut records = Vec::new();
    for source in sources {
        records.push(SourceRecord {
            path: source.name.to_string(),
            format: source.format.name().to_owned(),
            lines: 0,
        });
    }
    records
}

/// Locks a mutex. A worker that panicked has left nothing half done in it.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
