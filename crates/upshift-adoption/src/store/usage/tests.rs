#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use upshift_core::Verdict;

use super::super::refused_callers::MAX_CALLERS;
use super::*;
use crate::ledger::{LedgerEntry, NewEntry, PolicyInForce, RevisionCause};
use crate::sketch::CallerHasher;
use crate::store::tests::Folder;
use crate::store::{LedgerWrite, UsageReader};
use crate::{Fingerprint, Network};

const DAY: i64 = 86_400;
/// 2026-11-29T00:00:00Z.
const MIDNIGHT: i64 = 20_786 * DAY;

const LONG: Retention = Retention { minutes: 1 << 40, hours: 1 << 40, days: 1 << 40 };

fn minute(start: i64, label: &str, requests: u64, callers: std::ops::Range<u32>) -> StoredRow {
    let hasher = CallerHasher::new([4; 16]);
    let mut row = UsageRow { requests, ..UsageRow::default() };
    for caller in callers {
        row.callers.insert_caller(hasher.hash_caller(caller));
    }
    let key = RowKey {
        rule: "orders".into(),
        dimension: Dimension::Version,
        label: label.into(),
        verdict: Verdict::Refuse,
        standing: Standing::Behind,
    };
    StoredRow { span: Span::Minute, start, key, row }
}

fn write(store: &mut Store, rows: Vec<StoredRow>) {
    store.write_usage(&UsageChanges { rows, refused: Vec::new() }, 0).unwrap();
}

fn read(store: &Store, span: Span) -> Vec<StoredRow> {
    let query = UsageQuery { span, from: 0, to: i64::MAX, rule: None, dimension: None };
    store.read_usage(query).unwrap()
}

/// Start, label, requests and callers of each row.
fn summary(rows: &[StoredRow]) -> Vec<(i64, &str, u64, u64)> {
    let mut found = Vec::new();
    for stored in rows {
        let row = &stored.row;
        found.push((stored.start, &*stored.key.label, row.requests, row.callers.estimate()));
    }
    found
}

#[test]
fn rows_are_replaced_and_read_back() {
    let folder = Folder::make("replaced");
    let mut store = Store::open(&folder.store()).unwrap();
    write(&mut store, vec![minute(MIDNIGHT, "1.4", 10, 0..5), minute(MIDNIGHT, "1.5", 1, 0..1)]);
    write(&mut store, vec![minute(MIDNIGHT, "1.4", 12, 0..7)]);
    let rows = read(&store, Span::Minute);
    assert_eq!(summary(&rows), [(MIDNIGHT, "1.4", 12, 7), (MIDNIGHT, "1.5", 1, 1)]);
    let of_rule = |rule, dimension| UsageQuery {
        span: Span::Minute,
        from: MIDNIGHT,
        to: MIDNIGHT + 60,
        rule: Some(rule),
        dimension: Some(dimension),
    };
    assert_eq!(store.read_usage(of_rule("orders", Dimension::Version)).unwrap().len(), 2);
    assert!(store.read_usage(of_rule("orders", Dimension::Http)).unwrap().is_empty());
    assert!(store.read_usage(of_rule("other", Dimension::Version)).unwrap().is_empty());
}

#[test]
fn hours_and_days_are_the_union_of_their_minutes() {
    let folder = Folder::make("union");
    let mut store = Store::open(&folder.store()).unwrap();
    let mut rows = Vec::new();
    // The same fifty callers each minute, for 25 hours, and ten more in the second hour.
    for number in 0..25 * 60 {
        rows.push(minute(MIDNIGHT + 60 * number, "1.4", 3, 0..50));
    }
    rows.push(minute(MIDNIGHT + 3_660, "1.5", 7, 50..60));
    write(&mut store, rows);
    let now = MIDNIGHT + DAY + 3_600 + SETTLING_TIME;
    store.maintain_usage(now, LONG).unwrap();
    let hours = read(&store, Span::Hour);
    assert_eq!(hours.len(), 26);
    assert_eq!(summary(&hours)[0], (MIDNIGHT, "1.4", 180, 50));
    assert_eq!(summary(&hours)[2], (MIDNIGHT + 3_600, "1.5", 7, 10));
    let days = read(&store, Span::Day);
    assert_eq!(summary(&days), [(MIDNIGHT, "1.4", 24 * 180, 50), (MIDNIGHT, "1.5", 7, 10)]);
    // The current hour and day are not complete yet; a second call changes nothing.
    store.maintain_usage(now, LONG).unwrap();
    assert_eq!(read(&store, Span::Hour).len(), 26);
    assert_eq!(read(&store, Span::Day).len(), 2);
}

#[test]
fn rows_are_kept_as_long_as_configured() {
    let folder = Folder::make("retention");
    let mut store = Store::open(&folder.store()).unwrap();
    for day in 0..10 {
        write(&mut store, vec![minute(MIDNIGHT + day * DAY, "1.4", 1, 0..1)]);
    }
    let (day, now) = (DAY.cast_unsigned(), MIDNIGHT + 10 * DAY + SETTLING_TIME);
    let settling = SETTLING_TIME.cast_unsigned();
    let retention = Retention {
        minutes: 2 * day + settling,
        hours: 4 * day + settling,
        days: 6 * day + settling,
    };
    store.maintain_usage(now, retention).unwrap();
    let kept = |span| read(&store, span).len();
    assert_eq!([kept(Span::Minute), kept(Span::Hour), kept(Span::Day)], [2, 4, 6]);
}

#[test]
fn refused_callers_are_read_back_and_forgotten() {
    let folder = Folder::make("refused");
    let mut store = Store::open(&folder.store()).unwrap();
    let refused = |caller, requests, last_seen| RefusedCaller {
        rule: "orders".into(),
        caller: Fingerprint::from_bits(caller),
        requests,
        uncertainty: 2,
        first_seen: MIDNIGHT,
        last_seen,
        version: "1.4".into(),
        client: "App/1".into(),
        path: "/orders/*".into(),
        network: Network::V4([192, 0, 2]),
    };
    let changes = UsageChanges {
        rows: Vec::new(),
        refused: vec![refused(u64::MAX, 3, MIDNIGHT), refused(2, 9, MIDNIGHT + DAY)],
    };
    store.write_usage(&changes, 0).unwrap();
    let expected = [refused(2, 9, MIDNIGHT + DAY), refused(u64::MAX, 3, MIDNIGHT)];
    assert_eq!(store.read_refused_callers().unwrap(), expected);
    let day = DAY.cast_unsigned();
    let retention = Retention { minutes: day, hours: day, days: day };
    store.maintain_usage(MIDNIGHT + 2 * DAY, retention).unwrap();
    assert_eq!(store.read_refused_callers().unwrap(), expected[..1]);
}

#[test]
fn a_reader_sees_days_then_hours_then_minutes() {
    let folder = Folder::make("reader");
    assert!(UsageReader::open(&folder.store()).unwrap().is_none());
    let mut store = Store::open(&folder.store()).unwrap();
    let mut rows = Vec::new();
    // A minute of each hour, for two days, an hour and a half.
    for hour in 0..50 {
        rows.push(minute(MIDNIGHT + hour * 3_600, "1.4", 1, 0..1));
    }
    write(&mut store, rows);
    store.maintain_usage(MIDNIGHT + 2 * DAY + 5_400, LONG).unwrap();
    // While the store is open for writing.
    let reader = UsageReader::open(&folder.store()).unwrap().unwrap();
    let now = MIDNIGHT + 2 * DAY + 5_400;
    let usage = reader.read_period(MIDNIGHT - 9 * DAY, now).unwrap();
    assert_eq!(usage.recording_since, Some(MIDNIGHT));
    let expected = [
        (MIDNIGHT, "1.4", 24, 1),
        (MIDNIGHT + DAY, "1.4", 24, 1),
        (MIDNIGHT + 2 * DAY, "1.4", 1, 1),
        (MIDNIGHT + 2 * DAY + 3_600, "1.4", 1, 1),
    ];
    assert_eq!(summary(&usage.rows), expected);
    let spans: Vec<_> = usage.rows.iter().map(|stored| stored.span).collect();
    assert_eq!(spans, [Span::Day, Span::Day, Span::Hour, Span::Minute]);
    // A short period is read by the hour, from the hour of its start on.
    let usage = reader.read_period(MIDNIGHT + 2 * DAY - 7_000, now).unwrap();
    assert_eq!(usage.rows.len(), 4);
    assert!(usage.rows.iter().all(|stored| stored.span < Span::Day));
}

/// Requests of the gateway as a whole, in a minute.
fn all_requests(start: i64) -> StoredRow {
    let mut stored = minute(start, "enforce", 1, 0..1);
    (stored.key.rule, stored.key.dimension) = ("".into(), Dimension::Phase);
    stored
}

/// The days of the weeks that a reader returns.
fn week_days(folder: &Folder, now: i64) -> Vec<i64> {
    let reader = UsageReader::open(&folder.store()).unwrap().unwrap();
    let weeks = reader.read_period(now - DAY, now).unwrap().weeks;
    let days: std::collections::BTreeSet<i64> =
        weeks.iter().map(|stored| (stored.start - MIDNIGHT).div_euclid(DAY)).collect();
    days.into_iter().collect()
}

/// Right after midnight, yesterday is not a day in the store yet: the last complete week would be
/// one without that day, and the outlook would change for some minutes, or over a weekend.
#[test]
fn the_weeks_include_a_day_that_is_not_rolled_up_yet() {
    let folder = Folder::make("yesterday");
    let mut store = Store::open(&folder.store()).unwrap();
    for hour in 0..48 {
        write(&mut store, vec![all_requests(MIDNIGHT + hour * 3_600)]);
    }
    let last = MIDNIGHT + 2 * DAY - 60;
    write(&mut store, vec![all_requests(last)]);
    store.maintain_usage(last, LONG).unwrap();
    let midnight = MIDNIGHT + 2 * DAY;
    for now in [midnight, midnight + 10, midnight + 2 * DAY] {
        let reader = UsageReader::open(&folder.store()).unwrap().unwrap();
        let weeks = reader.read_period(now - 9 * DAY, now).unwrap().weeks;
        let requests: u64 = weeks.iter().map(|stored| stored.row.requests).sum();
        assert_eq!(requests, 49, "each request once");
        assert_eq!(week_days(&folder, now), [0, 1]);
    }
}

/// A service without traffic at weekends has complete weeks if its gateway ran.
#[test]
fn a_day_without_traffic_is_recorded_if_the_gateway_ran() {
    let folder = Folder::make("weekend");
    let mut store = Store::open(&folder.store()).unwrap();
    let now = MIDNIGHT + 7 * DAY + 7_200;
    store.write_usage(&UsageChanges::default(), now).unwrap();
    write_start(&mut store, MIDNIGHT + 600);
    write_start(&mut store, MIDNIGHT + 4 * DAY + 12 * 3_600);
    // `write_start` says that the process before was last seen at noon of the day before.
    assert_eq!(week_days(&folder, now), [0, 1, 2, 5, 6]);
}

/// A start of the gateway after one that was last seen a day earlier.
fn write_start(store: &mut Store, second: i64) {
    let at = Timestamp::from_second(second).unwrap();
    let mut entry = LedgerEntry::new(at, RevisionCause::Start, "ada", "");
    entry.last_seen = Timestamp::from_second(second - DAY).ok();
    entry.in_force = Some(PolicyInForce {
        policy: String::new(),
        effective: String::new(),
        latest_change: 0,
        observe: false,
        recording: true,
        complete: true,
        rules: Vec::new(),
    });
    let pending = [Arc::new(NewEntry { entry, whole: None })];
    store.append_changes(&[], LedgerWrite { pending: &pending, latest: None }).unwrap();
}

#[test]
fn invented_labels_fill_neither_hours_nor_days() {
    let folder = Folder::make("labels");
    let mut store = Store::open(&folder.store()).unwrap();
    let mut rows = Vec::new();
    for number in 0..60 {
        let start = MIDNIGHT + 60 * number;
        rows.push(minute(start, "1.4", 10, 0..5));
        for label in 0..20 {
            rows.push(minute(start, &format!("x{number}-{label}"), 1, 9..10));
        }
    }
    write(&mut store, rows);
    store.maintain_usage(MIDNIGHT + 2 * DAY, LONG).unwrap();
    for span in [Span::Hour, Span::Day] {
        let kept = read(&store, span);
        assert_eq!(kept.len(), MAX_LABELS + 1, "{span:?}");
        let requests: u64 = kept.iter().map(|stored| stored.row.requests).sum();
        assert_eq!(requests, 1_800);
        let real = kept.iter().find(|stored| &*stored.key.label == "1.4").unwrap();
        assert_eq!((real.row.requests, real.row.callers.estimate()), (600, 5));
    }
}

fn refused_caller(caller: u64, requests: u64, last_seen: i64, version: &str) -> RefusedCaller {
    RefusedCaller {
        rule: "orders".into(),
        caller: Fingerprint::from_bits(caller),
        requests,
        uncertainty: requests / 10,
        first_seen: MIDNIGHT,
        last_seen,
        version: version.into(),
        client: "App/1".into(),
        path: "/orders/*".into(),
        network: Network::V4([192, 0, 2]),
    }
}

/// Rows are written once a minute, but a reader gets the counts of the latest second: after a
/// crash, in another process, and after the rows of a minute were written.
#[test]
fn numbers_of_refused_callers_are_as_recent_as_the_last_write() {
    let folder = Folder::make("recent");
    let mut store = Store::open(&folder.store()).unwrap();
    let (mut version, mut expected) = ("1.4", Vec::new());
    for second in 0..150 {
        let now = MIDNIGHT + second;
        let requests = 10 + second.cast_unsigned();
        if second == 70 {
            version = "1.5";
        }
        expected = vec![refused_caller(2, requests + 500, now, version)];
        // The other one is refused every second time only.
        let last = now - now % 2;
        expected.push(refused_caller(1, 10 + (last - MIDNIGHT).cast_unsigned(), last, "1.4"));
        let refused = if now == last { expected.clone() } else { expected[..1].to_vec() };
        store.write_usage(&UsageChanges { rows: Vec::new(), refused }, now).unwrap();
        assert_eq!(store.read_refused_callers().unwrap(), expected, "second {second}");
        let reader = UsageReader::open(&folder.store()).unwrap().unwrap();
        assert_eq!(reader.read_refused().unwrap(), expected, "second {second}");
        if second % 40 == 39 {
            drop(store);
            store = Store::open(&folder.store()).unwrap();
            assert_eq!(store.read_refused_callers().unwrap(), expected, "after {second}");
        }
    }
    let kept: Vec<u8> = store
        .connection
        .query_row("SELECT counts FROM refusal_counts", [], |row| row.get(0))
        .unwrap();
    assert!(kept.len() < 60, "{} bytes: only the latest numbers are in it", kept.len());
    assert_eq!(expected[0].requests, 659);
}

#[test]
fn invented_callers_do_not_fill_the_store() {
    let folder = Folder::make("callers");
    let mut store = Store::open(&folder.store()).unwrap();
    for round in 0..5_u64 {
        let mut refused = Vec::new();
        for number in 0..1_000_u64 {
            refused.push(RefusedCaller {
                rule: "orders".into(),
                caller: Fingerprint::from_bits(round * 1_000 + number),
                requests: if number == 7 { 500 } else { 1 },
                uncertainty: 0,
                first_seen: MIDNIGHT,
                last_seen: MIDNIGHT,
                version: "1.4".into(),
                client: "App/1".into(),
                path: "/".into(),
                network: Network::Unknown,
            });
        }
        store.write_usage(&UsageChanges { rows: Vec::new(), refused }, 0).unwrap();
    }
    let kept = store.read_refused_callers().unwrap();
    assert!(kept.len() <= 2 * MAX_CALLERS as usize, "{}", kept.len());
    assert_eq!(kept.iter().filter(|caller| caller.requests == 500).count(), 5);
}
