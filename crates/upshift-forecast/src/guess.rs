//! The guess at the format of a source, from a sample of its lines.

use jiff::tz::TimeZone;

use crate::format::json::keys_of_line;
use crate::format::lines::Lines;
use crate::format::{FORMAT_NAMES, LogFormat};
use crate::line::{LineKind, LogLine, Malformed, WantedFields};

/// The share of lines that must have a format.
const ENOUGH: f64 = 0.8;

/// The most lines that are tried.
const TRIED: usize = 2_000;

/// The most keys of a line that an error names.
const MOST_KEYS: usize = 24;

/// No format fits a source.
#[derive(Debug, thiserror::Error)]
#[error("cannot tell the format of {source_name}{candidates}; {help}")]
pub struct GuessError {
    /// The name of the source.
    pub source_name: String,
    /// The two formats that fit most lines, and where each failed.
    pub candidates: String,
    /// The flag to set, in the words of the lines.
    pub help: String,
}

/// A format that was tried.
struct Candidate {
    format: LogFormat,
    fitting: usize,
    tried: usize,
    /// The number of the first line that it does not fit, and why.
    failed: Option<(usize, Malformed)>,
}

/// The format that fits most lines of the sample.
///
/// # Errors
/// If none fits nearly all.
pub(crate) fn guess_format(
    sample: &[u8],
    source_name: &str,
    wanted: &WantedFields,
    zone: TimeZone,
) -> Result<LogFormat, GuessError> {
    let mut candidates = Vec::new();
    for (name, _) in FORMAT_NAMES {
        if let Ok(format) = LogFormat::parse(name, wanted, zone.clone()) {
            candidates.push(try_format(format, sample));
        }
    }
    // Of equals the last counts: the list goes from short formats to long ones.
    candidates.sort_by_key(|candidate| candidate.fitting);
    candidates.reverse();
    let best = candidates.iter().position(|candidate| candidate.fits());
    match best {
        Some(best) => Ok(candidates.swap_remove(best).format),
        None => Err(GuessError {
            source_name: source_name.to_owned(),
            candidates: describe_candidates(&candidates),
            help: suggest_format(sample),
        }),
    }
}

fn try_format(format: LogFormat, sample: &[u8]) -> Candidate {
    // The last line of the sample may be cut off.
    let end = memchr::memrchr(b'\n', sample).map_or(sample.len(), |end| end + 1);
    let mut state = format.start();
    let mut candidate = Candidate { format, fitting: 0, tried: 0, failed: None };
    let mut line = LogLine::default();
    let mut lines = Lines::new(&sample[..end]);
    let mut number = 0;
    while let Some(text) = lines.next_line() {
        number += 1;
        for record in candidate.format.records(text) {
            match candidate.format.parse_line(record, &mut line, &mut state) {
                Ok(LineKind::Directive) => continue,
                // It fits another format, or none.
                Ok(_) if line.is_ambiguous => {
                    candidate.failed = candidate.failed.or(Some((number, Malformed::Shape)));
                }
                Ok(LineKind::Request | LineKind::NotRequest(_)) => candidate.fitting += 1,
                Err(kind) => candidate.failed = candidate.failed.or(Some((number, kind))),
            }
            candidate.tried += 1;
        }
        if candidate.tried >= TRIED {
            break;
        }
    }
    candidate
}

impl Candidate {
    fn fits(&self) -> bool {
        self.fitting > 0 && self.fitting as f64 >= ENOUGH * self.tried as f64
    }
}

/// The flag that names the format: for JSON, with the keys of the first line.
fn suggest_format(sample: &[u8]) -> String {
    let keys = match Lines::new(sample).next_line() {
        Some(line) => keys_of_line(line),
        None => Vec::new(),
    };
    if keys.is_empty() {
        return "name it with --format, or describe its lines with --format nginx=LOG_FORMAT, \
                apache=LOGFORMAT or haproxy=NAME|…"
            .to_owned();
    }
    let more = if keys.len() > MOST_KEYS { ", …" } else { "" };
    let shown = keys[..keys.len().min(MOST_KEYS)].join(", ");
    format!(
        "its lines are JSON with the keys {shown}{more}: say what they are with --format \
         json=FACT=KEY,…, such as json=time=t,client=ip,method=m,path=uri"
    )
}

fn describe_candidates(candidates: &[Candidate]) -> String {
    let mut texts = Vec::new();
    for candidate in candidates.iter().filter(|candidate| candidate.fitting > 0).take(2) {
        let Some((number, kind)) = candidate.failed else { continue };
        texts.push(format!(
            "{} fits {} of {} lines, and line {number} is {}",
            candidate.format.name(),
            candidate.fitting,
            candidate.tried,
            kind.describe()
        ));
    }
    if texts.is_empty() { String::new() } else { format!(" ({})", texts.join("; ")) }
}
