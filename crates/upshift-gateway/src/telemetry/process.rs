//! The metrics of the process, under the names that all programs use for them.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use crate::telemetry::families::{FamilyHead, FamilyWriter};

/// The resources that this process uses. A value that the system does not tell is left out.
#[derive(Debug)]
pub(crate) struct ProcessMetrics {
    stat: Option<ProcessStat>,
    open_descriptors: Option<u64>,
    most_descriptors: Option<u64>,
}

/// The values of `/proc/self/stat` (proc_pid_stat(5)).
#[derive(Clone, Copy, Debug, PartialEq)]
struct ProcessStat {
    /// In user and kernel mode.
    cpu_seconds: f64,
    threads: u64,
    /// Seconds since the system booted.
    started: f64,
    virtual_bytes: u64,
    resident_bytes: u64,
}

impl ProcessMetrics {
    /// Reads the values of now.
    pub(crate) fn read() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").ok();
        Self {
            stat: stat.as_deref().and_then(ProcessStat::parse),
            open_descriptors: count_descriptors(),
            most_descriptors: getrlimit(Resource::Nofile).current,
        }
    }
}

/// The number of open descriptors.
fn count_descriptors() -> Option<u64> {
    let listing = fs::read_dir("/proc/self/fd").ok()?;
    // The listing itself has one.
    Some((listing.count() as u64).saturating_sub(1))
}

impl ProcessStat {
    fn parse(text: &str) -> Option<Self> {
        // The second field is the name of the program, in parentheses; it may contain any character.
        let (_, after_name) = text.rsplit_once(')')?;
        let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
        let ticks = clock_ticks_per_second() as f64;
        Some(Self {
            cpu_seconds: (number_at(&fields, 14)? + number_at(&fields, 15)?) as f64 / ticks,
            threads: number_at(&fields, 20)?,
            started: number_at(&fields, 22)? as f64 / ticks,
            virtual_bytes: number_at(&fields, 23)?,
            resident_bytes: number_at(&fields, 24)? * page_size() as u64,
        })
    }
}

/// The field of this number, by the count of proc_pid_stat(5), in which the first of `fields` is 3.
fn number_at(fields: &[&str], number: usize) -> Option<u64> {
    fields.get(number - 3)?.parse().ok()
}

/// The time at which the system booted, in seconds since 1970.
fn boot_time() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

impl Collector for ProcessMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = FamilyWriter::new(encoder);
        if let Some(stat) = &self.stat {
            write_stat(&mut writer, stat)?;
        }
        if let Some(open) = self.open_descriptors {
            let head = FamilyHead::new("process_open_fds", "Open file descriptors");
            writer.write_gauge(&head, open)?;
        }
        if let Some(most) = self.most_descriptors {
            let head = FamilyHead::new("process_max_fds", "The limit of open file descriptors");
            writer.write_gauge(&head, most)?;
        }
        Ok(())
    }
}

fn write_stat(writer: &mut FamilyWriter<'_>, stat: &ProcessStat) -> fmt::Result {
    let cpu = FamilyHead::new("process_cpu", "User and system CPU time");
    writer.write_seconds_counter(&cpu.with_unit(Unit::Seconds), stat.cpu_seconds)?;
    let resident = FamilyHead::new("process_resident_memory", "Resident memory");
    writer.write_gauge(&resident.with_unit(Unit::Bytes), stat.resident_bytes)?;
    let virtual_memory = FamilyHead::new("process_virtual_memory", "Virtual memory");
    writer.write_gauge(&virtual_memory.with_unit(Unit::Bytes), stat.virtual_bytes)?;
    let threads = FamilyHead::new("process_threads", "Threads");
    writer.write_gauge(&threads, stat.threads)?;
    if let Some(booted) = boot_time() {
        let start = FamilyHead::new("process_start_time", "The start of the process since 1970");
        writer.write_gauge(&start.with_unit(Unit::Seconds), booted + stat.started)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_program_may_contain_anything() {
        let text = "12 (a) b 7) S 1 2 3 4 5 6 7 8 9 10 200 100 13 14 15 16 4 18 5000 8192 3 20";
        let stat = ProcessStat::parse(text);
        let ticks = clock_ticks_per_second() as f64;
        let expected = ProcessStat {
            cpu_seconds: 300.0 / ticks,
            threads: 4,
            started: 5000.0 / ticks,
            virtual_bytes: 8192,
            resident_bytes: 3 * page_size() as u64,
        };
        assert_eq!(stat, Some(expected));
        assert_eq!(ProcessStat::parse("12 (upshift) S 1 2"), None);
    }
}
