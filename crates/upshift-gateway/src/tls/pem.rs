//! PEM files, read whole: OpenSSL reads on where other libraries stop, and its clients would be the
//! first to see a fault.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use upshift_config::read_regular;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Why a PEM file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It begins with a byte order mark, which hides its first section.
    #[error("begins with a byte order mark (BOM), which hides its first section")]
    ByteOrderMark,
    /// It ends before the section that it has begun: `CERTIFICATE`, say.
    #[error("ends in the middle of a section ({0})")]
    Unfinished(String),
    /// A section is no Base64, or begins in a line that has something else.
    #[error("is not a PEM file: {0}")]
    Broken(#[source] pem::Error),
    /// There is none.
    #[error("has no certificate in it")]
    NoCertificate,
    /// The certificate of this number is none; the first has number 1.
    #[error("has a certificate that cannot be parsed: number {0}")]
    NotX509(usize),
    /// There is none.
    #[error("has no private key in it")]
    NoKey,
    /// The key needs a passphrase.
    #[error("has a key that is encrypted")]
    Encrypted,
}

impl PemError {
    /// What to do about it; `path` is that of the file.
    pub(crate) fn help_text(&self, path: &Path) -> String {
        let help = match self {
            Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return describe_permissions(path);
            }
            Self::Io(_) | Self::Broken(_) => "name a PEM file",
            Self::ByteOrderMark => "write it without one: sed -i '1s/^\\xef\\xbb\\xbf//'",
            Self::Unfinished(_) => "it was cut off, or is still being written: copy it again",
            Self::NoCertificate => {
                "a PEM file has blocks that are named, such as BEGIN CERTIFICATE"
            }
            Self::NotX509(_) => {
                "every certificate of the file is sent to clients, or trusted: remove what is none"
            }
            Self::NoKey => "a PEM file has blocks that are named, such as BEGIN PRIVATE KEY",
            Self::Encrypted => "decrypt it: openssl pkey -in encrypted.pem -out key.pem",
        };
        help.to_owned()
    }
}

/// The user and mode of a file that may not be read, and the user that wants to.
fn describe_permissions(path: &Path) -> String {
    let process = rustix::process::geteuid().as_raw();
    match std::fs::metadata(path) {
        Ok(file) => {
            let (owner, mode) = (file.uid(), file.mode() & 0o7777);
            format!(
                "it belongs to user {owner} and has mode {mode:04o}; this process runs as user {process}"
            )
        }
        Err(_) => format!("this process runs as user {process}, who may not enter its folder"),
    }
}

/// All certificates of a file, at least one. Each of them is one.
pub(crate) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let text = read_whole(path)?;
    let found: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(PemError::Broken)?;
    if found.is_empty() {
        return Err(PemError::NoCertificate);
    }
    for (index, certificate) in found.iter().enumerate() {
        match X509Certificate::from_der(certificate) {
            Ok(([], _)) => {}
            _ => return Err(PemError::NotX509(index + 1)),
        }
    }
    Ok(found)
}

/// The first private key of a file.
pub(crate) fn read_private_key(path: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    let text = read_whole(path)?;
    let key = PrivateKeyDer::from_pem_slice(&text);
    key.map_err(|_| {
        if String::from_utf8_lossy(&text).contains("ENCRYPTED") {
            PemError::Encrypted
        } else {
            PemError::NoKey
        }
    })
}

/// The content of a file whose last section has its end.
fn read_whole(path: &Path) -> Result<Vec<u8>, PemError> {
    let text = read_regular(path)?;
    if text.starts_with(b"\xef\xbb\xbf") {
        return Err(PemError::ByteOrderMark);
    }
    match unfinished_section(&text) {
        Some(label) => Err(PemError::Unfinished(label)),
        None => Ok(text),
    }
}

/// The label of a section that has no end.
fn unfinished_section(text: &[u8]) -> Option<String> {
    let mut open: Option<&[u8]> = None;
    let mut last: &[u8] = b"";
    for line in text.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii_end) {
        if let Some(label) = line.strip_prefix(b"-----BEGIN ") {
            if open.is_some() {
                break;
            }
            open = Some(label);
        } else if line.starts_with(b"-----END ") && line.ends_with(b"-----") {
            open = None;
        }
        if !line.is_empty() {
            last = line;
        }
    }
    // The line that begins a section, or ends it, may itself be cut.
    let cut = open.is_none()
        && last.starts_with(b"-----")
        && (last == b"-----" || !last.ends_with(b"-----"));
    let label = open.or(cut.then_some(b"its first line"))?;
    Some(String::from_utf8_lossy(label).trim_end_matches('-').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that was cut off anywhere is not whole. KIND: only the first of several things is
    /// looked at.
    #[test]
    fn a_section_without_its_end_is_unfinished() {
        let label = "CERTIFICATE";
        let begin = format!("-----BEGIN {label}-----\n");
        let one = format!("{begin}AAAA\n-----END CERTIFICATE-----\n");
        assert_eq!(unfinished_section(one.as_bytes()), None);
        assert_eq!(unfinished_section(format!("----------\nbag\n{one}{one}\n\n").as_bytes()), None);
        for cut in ["-----", "-----BEGIN CERT", begin.trim_end(), &format!("{begin}AA"), &one[..55]]
        {
            assert!(unfinished_section(format!("{one}{cut}").as_bytes()).is_some(), "{cut}");
        }
        assert!(unfinished_section(format!("{begin}AA\n{one}").as_bytes()).is_some());
    }
}
