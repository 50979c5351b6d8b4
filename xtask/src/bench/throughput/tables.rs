//! The slices of the servers as tables, charts and goals.

use std::io;

use super::traffic::{Slice, Traffic};
use crate::bench::chart::{Bar, draw_bars};
use crate::bench::counts::profile_requests;
use crate::bench::section::{Chart, Section, Table, judge_goal, plain_number};
use crate::bench::servers::{RunningServer, ServerKind};
use crate::bench::statistics::Spread;
use crate::bench::test_bed::TestBed;

/// A server and its slices so far.
pub(super) struct LoadLane {
    pub(super) server: RunningServer,
    pub(super) slices: Vec<Slice>,
}

impl LoadLane {
    /// The microseconds of CPU time per request of each slice.
    fn costs(&self) -> Vec<f64> {
        let mut costs = Vec::new();
        for slice in &self.slices {
            costs.push(slice.cpu.nanoseconds as f64 / 1000.0 / slice.requests as f64);
        }
        costs
    }

    fn rates(&self) -> Vec<f64> {
        self.slices.iter().map(|slice| slice.rate).collect()
    }

    /// The share of CPU time in user space, of all slices together: a tick is too long for one.
    fn user_share(&self) -> f64 {
        let (mut user, mut all) = (0, 0);
        for slice in &self.slices {
            user += slice.cpu.user_ticks;
            all += slice.cpu.user_ticks + slice.cpu.kernel_ticks;
        }
        user as f64 / all.max(1) as f64
    }
}

fn find_lane(lanes: &[LoadLane], kind: ServerKind) -> Option<&LoadLane> {
    lanes.iter().find(|lane| lane.server.kind == kind && !lane.slices.is_empty())
}

/// Adds the table and the chart of all servers.
pub(super) fn describe_lanes(traffic: Traffic, lanes: &[LoadLane], section: &mut Section) {
    let mut table = Table::new(&[
        traffic.describe(),
        "CPU µs each",
        "spread",
        "in user space",
        "÷ nginx",
        "÷ HAProxy",
        "per second",
    ]);
    let mut bars = Vec::new();
    for lane in lanes {
        let Some(cost) = Spread::of(&lane.costs()) else { continue };
        table.add_row(lane_row(lane, lanes, cost));
        bars.push(Bar {
            label: lane.server.kind.name().to_owned(),
            spread: cost,
            is_own: lane.server.kind == ServerKind::Upshift,
        });
    }
    section.add_table(&table);
    let title = format!("{}: CPU µs each", traffic.describe());
    let svg = draw_bars(&title, &bars, 2);
    section.add_chart(Chart { file: traffic.file().to_owned(), title, svg });
}

fn lane_row(lane: &LoadLane, lanes: &[LoadLane], cost: Spread) -> Vec<String> {
    let rate = Spread::of(&lane.rates()).map_or(0.0, |rate| rate.median);
    vec![
        lane.server.kind.name().to_owned(),
        format!("{:.2}", cost.median),
        cost.range(2),
        format!("{:.0} %", lane.user_share() * 100.0),
        show_ratio(lane, lanes, ServerKind::Nginx),
        show_ratio(lane, lanes, ServerKind::Haproxy),
        plain_number(rate.round()),
    ]
}

/// The ratio of a lane's CPU time to that of a server, round by round.
fn cost_ratio(lane: &LoadLane, lanes: &[LoadLane], to: ServerKind) -> Option<Spread> {
    let reference = find_lane(lanes, to)?;
    Spread::of_ratios(&lane.costs(), &reference.costs())
}

fn show_ratio(lane: &LoadLane, lanes: &[LoadLane], to: ServerKind) -> String {
    match cost_ratio(lane, lanes, to) {
        Some(ratio) => format!("{:.2} ({})", ratio.median, ratio.range(2)),
        None => "not measured".to_owned(),
    }
}

/// Adds the goal, and a profile if it is missed.
///
/// # Errors
/// If Upshift cannot be profiled.
pub(super) fn describe_goal(
    traffic: Traffic,
    lanes: &[LoadLane],
    section: &mut Section,
    bed: &TestBed,
) -> io::Result<()> {
    let Some(goal) = traffic.goal() else { return Ok(()) };
    let Some((reference, ratio)) = greatest_ratio(lanes, goal.to_best_of) else { return Ok(()) };
    let line = judge_goal(&format!("CPU ÷ {}", reference.name()), ratio, goal.at_most, 2);
    section.add_text(&line.text);
    if let Traffic::Plain(kind) = traffic
        && !line.is_met
    {
        section.add_table(&profile_requests(bed, kind)?);
    }
    Ok(())
}

/// The ratio of Upshift to the best of some servers, which is the greatest.
fn greatest_ratio(lanes: &[LoadLane], references: &[ServerKind]) -> Option<(ServerKind, f64)> {
    let own = find_lane(lanes, ServerKind::Upshift)?;
    let mut greatest: Option<(ServerKind, f64)> = None;
    for reference in references {
        if let Some(ratio) = cost_ratio(own, lanes, *reference)
            && greatest.is_none_or(|(_, other)| ratio.median > other)
        {
            greatest = Some((*reference, ratio.median));
        }
    }
    greatest
}
