//! A certificate for this machine's loopback, which a peer can be told to trust.

use std::path::{Path, PathBuf};

use crate::Scratch;

/// Two PEM files, as long as this value.
#[derive(Debug)]
pub struct Certificate {
    files: (PathBuf, PathBuf),
    _folder: Scratch,
}

impl Certificate {
    /// For `localhost` and 127.0.0.1, signed by itself.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn new() -> Self {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).unwrap_or_else(|error| panic!("no certificate: {error}"));
        let folder = Scratch::new();
        let certificate = folder.file("certificate.pem", made.cert.pem());
        let key = folder.file("key.pem", made.signing_key.serialize_pem());
        Self { files: (certificate, key), _folder: folder }
    }

    /// The certificate's file.
    pub fn file(&self) -> &Path {
        &self.files.0
    }

    /// The key's file.
    pub fn key(&self) -> &Path {
        &self.files.1
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}
