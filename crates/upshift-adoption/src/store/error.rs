//! The reasons why a store cannot be used.

use std::error::Error;
use std::path::{Path, PathBuf};

use super::schema::LAYOUT;

/// The reasons why a store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has it open.
    #[error("another gateway (process {process}) has it open: give each gateway its own store")]
    InUse {
        /// The process id from the lock file; `?` if it is not known.
        process: String,
    },
    /// The file was written by a newer version of this program.
    #[error(
        "it has layout {found}, but this version of upshift only knows layout {LAYOUT}: use the \
         version that wrote it, or a newer one"
    )]
    Newer {
        /// Its layout.
        found: i64,
    },
    /// The file was written by an older version, and reading does not update it.
    #[error(
        "it has layout {found} of an older version: start a gateway once where the file can be \
         written, which updates it"
    )]
    Older {
        /// Its layout.
        found: i64,
    },
    /// The file, or its write-ahead log, was removed while it was open.
    #[error("its file was removed, or the one beside it that ends in -wal")]
    Gone,
    /// The file is another store, or another process has written to it.
    #[error("it holds changes that this gateway did not make: restart the gateway to load them")]
    Foreign,
    /// SQLite or the disk failed.
    #[error("{0}")]
    Database(#[source] Box<dyn Error + Send + Sync>),
    /// The file cannot be opened or created.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// A row of the file cannot be decoded.
    #[error("a row cannot be decoded: {0}")]
    Row(#[source] Box<dyn Error + Send + Sync>),
    /// The store at a path cannot be used.
    #[error("the store {} (`store` in [gateway]) cannot be used: {source}", path.display())]
    At {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: Box<StoreError>,
    },
    /// The store at a path that is read without a gateway cannot be used.
    #[error("the store {} cannot be read: {source}", path.display())]
    Reading {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: Box<StoreError>,
    },
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Row(error.into())
    }
}

impl StoreError {
    pub(super) fn with_path(self, path: &Path) -> Self {
        // Added once, in the public functions, so that no message names the path twice.
        Self::At { path: path.to_owned(), source: Box::new(self) }
    }

    pub(super) fn reading(self, path: &Path) -> Self {
        Self::Reading { path: path.to_owned(), source: Box::new(self) }
    }

    /// Returns true if another gateway has the store open.
    pub fn is_in_use(&self) -> bool {
        match self {
            Self::At { source, .. } | Self::Reading { source, .. } => source.is_in_use(),
            error => matches!(error, Self::InUse { .. }),
        }
    }

    /// Returns true if the file was removed while it was open.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::At { source, .. } | Self::Reading { source, .. } => source.is_gone(),
            error => matches!(error, Self::Gone),
        }
    }
}
