//! The layout of a store's file: its number, and the update of one that an older version made.

use rusqlite::{Connection, TransactionBehavior};

use super::error::StoreError;
use super::schema::{CHANGE_ID, LAYOUT, SCHEMA, TOP_NETWORK, USAGE};

/// Creates the tables of a new store, or adds those columns that an older version did not have.
pub(super) fn update_layout(connection: &mut Connection) -> Result<(), StoreError> {
    // Without a transaction, a store that is up to date can be opened while another program has
    // locked it.
    if read_layout(connection)? == LAYOUT {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Read again: another program may have updated it before the transaction began.
    let missing: &[&str] = match read_layout(&transaction)? {
        0 => &[SCHEMA, TOP_NETWORK, CHANGE_ID, USAGE],
        1 => &[TOP_NETWORK, CHANGE_ID, USAGE],
        2 => &[CHANGE_ID, USAGE],
        3 => &[USAGE],
        LAYOUT => &[],
        found => return Err(StoreError::Newer { found }),
    };
    for step in missing {
        transaction.execute_batch(step)?;
    }
    Ok(transaction.commit()?)
}

/// Reads the layout; 0 for a file without tables.
pub(super) fn read_layout(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}
