//! Reads PEM files and checks all of their sections. OpenSSL reads on after a section at which
//! other libraries stop, so without this check clients that use OpenSSL would be the first to see a
//! fault.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use upshift_config::read_regular_file;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A PEM file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It begins with a byte order mark, which hides its first section.
    #[error("begins with a byte order mark (BOM), which hides its first section")]
    ByteOrderMark,
    /// It ends within a section, of this label.
    #[error("ends in the middle of a section ({0})")]
    Unfinished(String),
    /// A section is not valid Base64, or does not begin on a line of its own.
    #[error("is not a PEM file: {0}")]
    Broken(#[source] pem::Error),
    /// There is no certificate.
    #[error("has no certificate in it")]
    NoCertificate,
    /// The certificate of this number, counted from 1, is not an X.509 certificate.
    #[error("has a certificate that cannot be parsed: number {0}")]
    NotX509(usize),
    /// There is no private key.
    #[error("has no private key in it")]
    NoKey,
    /// The key needs a passphrase.
    #[error("has a key that is encrypted")]
    Encrypted,
}

impl PemError {
    /// The advice for the error; `path` is that of the file.
    pub(crate) fn help_text(&self, path: &Path) -> String {
        let help = match self {
            Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return describe_permissions(path);
            }
            Self::Io(_) | Self::Broken(_) => "name a PEM file",
            Self::ByteOrderMark => "write it without one: sed -i '1s/^\\xef\\xbb\\xbf//'",
            Self::Unfinished(_) => "it was cut off, or is still being written: copy it again",
            Self::NoCertificate => "a PEM file has sections with labels, such as BEGIN CERTIFICATE",
            Self::NotX509(_) => {
                "every certificate in the file is sent to clients, or trusted: remove this one"
            }
            Self::NoKey => "a PEM file has sections with labels, such as BEGIN PRIVATE KEY",
            Self::Encrypted => "decrypt it: openssl pkey -in encrypted.pem -out key.pem",
        };
        help.to_owned()
    }
}

/// Describes the owner and mode of an unreadable file, and the user of this process.
fn describe_permissions(path: &Path) -> String {
    let process = rustix::process::geteuid().as_raw();
    match std::fs::metadata(path) {
        Ok(file) => {
            let (owner, mode) = (file.uid(), file.mode() & 0o7777);
            format!(
                "it belongs to user {owner} and has mode {mode:04o}; this process runs as user \
                 {process}"
            )
        }
        Err(_) => format!("this process runs as user {process}, who may not enter its folder"),
    }
}

/// Reads all certificates of a file. There is at least one, and each of them is valid X.509.
pub(crate) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let text = read_whole(path)?;
    let mut found: Vec<CertificateDer<'static>> = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        found.push(certificate.map_err(PemError::Broken)?);
    }
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

/// Reads the first private key of a file.
pub(crate) fn read_private_key(path: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    let text = read_whole(path)?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok(key),
        // In the label of PKCS #8, and in the Proc-Type of the older format.
        Err(_) if String::from_utf8_lossy(&text).contains("ENCRYPTED") => Err(PemError::Encrypted),
        Err(_) => Err(PemError::NoKey),
    }
}

/// Reads a file, and fails unless its last section is complete.
fn read_whole(path: &Path) -> Result<Vec<u8>, PemError> {
    let text = read_regular_file(path)?;
    if text.starts_with(b"\xef\xbb\xbf") {
        return Err(PemError::ByteOrderMark);
    }
    match unfinished_section(&text) {
        Some(label) => Err(PemError::Unfinished(label)),
        None => Ok(text),
    }
}

/// Returns the label of a section without an end.
fn unfinished_section(text: &[u8]) -> Option<String> {
    let mut open: Option<&[u8]> = None;
    let mut last: &[u8] = b"";
    for untrimmed in text.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = untrimmed.trim_ascii_end();
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
    // The file may end within the first or last line of a section.
    let is_cut = last.starts_with(b"-----") && (last == b"-----" || !last.ends_with(b"-----"));
    let label = match open {
        Some(label) => label,
        None if is_cut => b"its first line",
        None => return None,
    };
    Some(String::from_utf8_lossy(label).trim_end_matches('-').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a truncated file of which only the first item is checked.
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
