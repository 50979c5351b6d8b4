//! The layout of a store's file: its number, and the update from older layouts.

use rusqlite::{Connection, TransactionBehavior};

use super::error::StoreError;
use super::schema::{CHANGE_ID, LAYOUT, LEDGER, REFUSAL_COUNTS, SCHEMA, TOP_NETWORK, USAGE};

/// Creates the tables of a new store, or adds the columns that are missing in an older layout.
pub(super) fn update_layout(connection: &mut Connection) -> Result<(), StoreError> {
    // The first check uses no transaction, so that a current store can be opened while another
    // program has locked it.
    if read_layout(connection)? == LAYOUT {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Read again: another program may have updated it before the transaction began.
    let found = read_layout(&transaction)?;
    let missing: &[&str] = match found {
        0 => &[SCHEMA, TOP_NETWORK, CHANGE_ID, USAGE, LEDGER, REFUSAL_COUNTS],
        1 => &[TOP_NETWORK, CHANGE_ID, USAGE, LEDGER, REFUSAL_COUNTS],
        2 => &[CHANGE_ID, USAGE, LEDGER, REFUSAL_COUNTS],
        3 => &[USAGE, LEDGER, REFUSAL_COUNTS],
        4 => &[LEDGER, REFUSAL_COUNTS],
        5 => &[REFUSAL_COUNTS],
        LAYOUT => &[],
        found => return Err(StoreError::Newer { found }),
    };
    for step in missing {
        transaction.execute_batch(step)?;
    }
    if missing.contains(&LEDGER) {
        transaction.execute("UPDATE chain SET origin = ?1", [origin_of(found)])?;
    }
    Ok(transaction.commit()?)
}

/// The way in which the ledger begins in a store that had this layout.
fn origin_of(found: i64) -> String {
    match found {
        0 => "a new store".to_owned(),
        _ => format!("an update of a store of layout {found}, which kept no policy revisions"),
    }
}

/// Reads the layout; 0 for a file without tables.
pub(super) fn read_layout(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}
