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
        Self::make(names()).unwrap_or_else(|error| panic!("no certificate: {error}"))
    }

    /// The same, valid from the start of one year to that of another.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn valid(from: i32, until: i32) -> Self {
        let mut wanted = names();
        wanted.not_before = rcgen::date_time_ymd(from, 1, 1);
        wanted.not_after = rcgen::date_time_ymd(until, 1, 1);
        Self::make(wanted).unwrap_or_else(|error| panic!("no certificate: {error}"))
    }

    fn make(wanted: rcgen::CertificateParams) -> Result<Self, rcgen::Error> {
        let key = rcgen::KeyPair::generate()?;
        let folder = Scratch::new();
        let certificate = folder.file("certificate.pem", wanted.self_signed(&key)?.pem());
        let key = folder.file("key.pem", key.serialize_pem());
        Ok(Self { files: (certificate, key), _folder: folder })
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

fn names() -> rcgen::CertificateParams {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    rcgen::CertificateParams::new(names).unwrap_or_else(|error| panic!("no certificate: {error}"))
}
