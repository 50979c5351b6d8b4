#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use upshift_adoption::usage::{Dimension, RowKey, Standing, StoredRow, UsageRow};
use upshift_core::Verdict;

use super::*;

fn counted(requests: u64, second: i64) -> UsageChanges {
    let key = RowKey {
        rule: "orders".into(),
        dimension: Dimension::Version,
        label: "1.4".into(),
        verdict: Verdict::Refuse,
        standing: Standing::Behind,
    };
    let row = UsageRow { requests, ..UsageRow::default() };
    let start = Span::Minute.start_of(second);
    let rows = vec![StoredRow { span: Span::Minute, start, key, row }];
    UsageChanges { rows, refused: Vec::new() }
}

/// A gateway that was restarted while its store could not be written replaced the counts of the
/// minute in which it had stopped, as soon as the store could be written again.
#[test]
fn a_store_that_returns_keeps_what_it_has_of_the_minute() {
    let folder = std::env::temp_dir().join(format!("upshift-returns-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (path, lock) = (folder.join("upshift.db"), folder.join("upshift.db-lock"));
    let now = Timestamp::now();
    let mut earlier = Store::open(&path).unwrap();
    earlier.write_usage(&counted(40, now.as_second()), now.as_second()).unwrap();
    drop(earlier);
    // A folder in the place of the lock file: the store can be read, and not written.
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    let opened = StoreWriter::open(Some(&path), now).unwrap();
    let sink = opened.writer.usage_sink();
    sink.write_usage(counted(2, now.as_second()));
    std::fs::remove_dir(&lock).unwrap();
    // Written twice: what the store had is added once.
    sink.write_usage(counted(3, now.as_second()));
    opened.writer.release_store();
    drop((sink, opened));
    let store = Store::open(&path).unwrap();
    let stored = read_earlier_usage(&store, now.as_second()).unwrap();
    assert_eq!(stored.rows[0].row.requests, 43);
    drop(store);
    std::fs::remove_dir_all(folder).unwrap();
}
