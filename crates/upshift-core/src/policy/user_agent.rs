//! Products and comments: `User-Agent` (RFC 9110 §10.1.5), and other fields that are written like
//! it.
//!
//! 1. A product is `Name/Version`, or `Name Version` as cargo, Faraday and Slack write it. Its name
//!    may have spaces, which some platforms send as `%20`.
//! 2. A comment is not searched for products. One that tells a build right behind a version belongs
//!    to that version.

use std::borrow::Cow;
use std::ops::Range;

use super::client::Claim;
use super::reading;
use crate::version::ClientVersion;

/// The most words that the name of a product may have.
pub const NAME_WORDS: usize = 6;

/// The most pieces that are looked at; the sender chooses how many there are.
const PIECES: usize = 256;

/// A word outside of comments, or a comment with its brackets.
#[derive(Clone, Debug)]
pub(super) struct Piece<'a> {
    text: &'a str,
    range: Range<usize>,
    is_comment: bool,
}

/// A field value, taken apart.
pub(super) struct Products<'a> {
    value: &'a str,
    pub(super) pieces: Vec<Piece<'a>>,
}

/// Where a product stands in the value.
#[derive(Clone)]
struct Product {
    name: Range<usize>,
    version: Range<usize>,
    /// The piece that its version, or else its name, ends with.
    last: usize,
}

impl<'a> Piece<'a> {
    /// The content of a comment.
    pub(super) fn comment(&self) -> Option<&'a str> {
        let inner = self.text.strip_prefix('(').filter(|_| self.is_comment)?;
        Some(inner.strip_suffix(')').unwrap_or(inner).trim())
    }

    /// Tells whether it tells the build of the version in front of it.
    fn tells_build(&self) -> bool {
        match self.comment() {
            Some(comment) => ClientVersion::is_build_comment(comment),
            None => ClientVersion::is_build_word(self.text),
        }
    }

    /// The word, if it is none of a comment.
    pub(super) fn word(&self) -> Option<&'a str> {
        (!self.is_comment).then_some(self.text)
    }
}

impl<'a> Products<'a> {
    /// Takes a value apart.
    pub(super) fn read(value: &'a str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = 0..value.len();
        while pieces.len() < PIECES {
            let Some(piece) = next_piece(value, rest.start) else { break };
            rest.start = piece.range.end;
            pieces.push(piece);
        }
        Self { value, pieces }
    }

    /// The first product that is wanted and whose version can be read; if there is none, the first
    /// that is wanted.
    pub(super) fn find(&self, wanted: &dyn Fn(&str) -> bool) -> Option<Claim<'a>> {
        let mut unread = None;
        for at in 0..self.pieces.len() {
            let Some(product) = self.wanted_at(at, wanted) else { continue };
            let claim = self.claim(&product);
            if ClientVersion::parse_lenient(&claim.version).is_some() {
                return Some(claim);
            }
            unread.get_or_insert(claim);
        }
        unread
    }

    /// The first product, its name taken to be one word.
    pub(super) fn first(&self) -> Option<Claim<'a>> {
        let product = (0..self.pieces.len()).find_map(|at| self.product(at, 1))?;
        Some(self.claim(&product))
    }

    /// The value as one product, whose version is all that follows its name.
    pub(super) fn whole(&self, wanted: &dyn Fn(&str) -> bool) -> Claim<'a> {
        let mut products = (1..=self.pieces.len()).filter_map(|words| self.product(0, words));
        let first = products.find(|product| !product.version.is_empty());
        match self.wanted_at(0, wanted).or(first) {
            Some(Product { name, version, .. }) => {
                let version = Cow::Borrowed(self.value[version.start..].trim());
                Claim { name: decoded(&self.value[name]), version, is_client: true }
            }
            None => {
                Claim { name: decoded(self.value), version: Cow::Borrowed(""), is_client: true }
            }
        }
    }

    /// The product that begins with this piece and is wanted, the longest name first.
    fn wanted_at(&self, at: usize, wanted: &dyn Fn(&str) -> bool) -> Option<Product> {
        let products = (1..=NAME_WORDS).rev().filter_map(|words| self.product(at, words));
        let mut named =
            products.filter(|product| wanted(&decoded(&self.value[product.name.clone()])));
        named.next()
    }

    /// The product whose name is made of these words, the last one perhaps with its version.
    fn product(&self, at: usize, words: usize) -> Option<Product> {
        let last = at + words - 1;
        let named = self.pieces.get(at..=last)?;
        if named.iter().any(|piece| piece.is_comment) {
            return None;
        }
        let range = named[0].range.start..named[words - 1].range.end;
        let final_word = &named[words - 1];
        if let Some(slash) = final_word.text.find('/') {
            let slash = final_word.range.start + slash;
            return Some(Product { name: range.start..slash, version: slash + 1..range.end, last });
        }
        let next =
            self.pieces.get(last + 1).filter(|next| !next.is_comment && begins_version(next.text));
        Some(match next {
            Some(next) => Product { name: range, version: next.range.clone(), last: last + 1 },
            None => Product { version: range.end..range.end, name: range, last },
        })
    }

    /// The product's name and version, a build in the comment behind it included.
    fn claim(&self, product: &Product) -> Claim<'a> {
        let Product { name, mut version, last } = product.clone();
        let behind = self.pieces.get(last + 1).filter(|_| !version.is_empty());
        if let Some(piece) = behind.filter(|piece| piece.tells_build()) {
            version.end = piece.range.end;
        }
        let version = Cow::Borrowed(self.value[version].trim_end_matches([';', ',']));
        Claim { name: decoded(&self.value[name]), version, is_client: true }
    }
}

/// The piece that begins at or behind `from`.
fn next_piece(value: &str, from: usize) -> Option<Piece<'_>> {
    let is_gap = |byte: u8| byte == b' ' || byte == b'\t' || byte == b')';
    let bytes = value.as_bytes();
    let start = from + bytes.get(from..)?.iter().position(|byte| !is_gap(*byte))?;
    let is_comment = bytes[start] == b'(';
    let length = match is_comment {
        true => comment_length(&bytes[start..]),
        false => bytes[start..]
            .iter()
            .position(|byte| is_gap(*byte) || *byte == b'(')
            .unwrap_or(bytes.len() - start),
    };
    let range = start..start + length;
    Some(Piece { text: &value[range.clone()], range, is_comment })
}

/// How far a comment reaches (RFC 9110 §5.6.5); to the end, if it is not closed.
fn comment_length(bytes: &[u8]) -> usize {
    let (mut depth, mut escaped) = (0_u32, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' if depth == 1 => return at + 1,
            b')' => depth -= 1,
            _ => {}
        }
    }
    bytes.len()
}

fn begins_version(word: &str) -> bool {
    word.strip_prefix(['v', 'V']).unwrap_or(word).starts_with(|c: char| c.is_ascii_digit())
}

/// A name without its percent-encoding: CFNetwork sends `Acme%20App/5.2`.
fn decoded(name: &str) -> Cow<'_, str> {
    match name.contains('%') {
        true => Cow::Owned(String::from_utf8_lossy(&reading::decode(name)).into_owned()),
        false => Cow::Borrowed(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(value: &str, names: &[&str]) -> Option<String> {
        let wanted = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        Products::read(value).find(&wanted).map(|claim| format!("{}|{}", claim.name, claim.version))
    }

    /// Kind: a product that is sent is not found, because of how its name or version is written.
    #[test]
    fn products_are_found_as_programs_write_them() {
        for (value, name, wanted) in [
            ("AcmeApp/5.1 (iPhone; Fake/9 (deep/1)) CFNetwork/1.2", "CFNetwork", "CFNetwork|1.2"),
            ("cargo 1.70.0 (ec8a8a0ca 2023-04-25)", "cargo", "cargo|1.70.0"),
            ("Faraday v2.7.4", "Faraday", "Faraday|v2.7.4"),
            ("Acme App/5.2.0 CFNetwork/1410.0.3", "Acme App", "Acme App|5.2.0"),
            ("Acme%20App/1234 CFNetwork/1410.0.3", "acme app", "Acme App|1234"),
            ("AcmeApp/5.3.0 (build 1234) okhttp/4.9", "AcmeApp", "AcmeApp|5.3.0 (build 1234)"),
            (
                "AcmeApp/5.3.0 (com.acme; build:1234; iOS 17.0)",
                "AcmeApp",
                "AcmeApp|5.3.0 (com.acme; build:1234; iOS 17.0)",
            ),
            ("AcmeApp/5.3.0 (iPhone; iOS 17.0)", "AcmeApp", "AcmeApp|5.3.0"),
            ("AcmeApp/5.3.0 Build/1234 (Android 13)", "AcmeApp", "AcmeApp|5.3.0 Build/1234"),
            (
                "AcmeApp/5.3.0 (versionCode 1234; Android 13)",
                "AcmeApp",
                "AcmeApp|5.3.0 (versionCode 1234; Android 13)",
            ),
            ("AcmeApp/5.3.0 [1234] x/1", "AcmeApp", "AcmeApp|5.3.0 [1234]"),
            ("AcmeApp/5.3.0 Build/TQ3A.230805 (R2D2; B52X)", "AcmeApp", "AcmeApp|5.3.0"),
            ("yarn/1.22.19 npm/? node/v18.12.0 linux x64", "npm", "npm|?"),
            ("node (old) node/v18.12.0", "node", "node|v18.12.0"),
            (r"docker/20.10.17 UpstreamClient(Docker-Client/20.10 \(linux\)) x/1", "x", "x|1"),
            ("x/1 (never closed y/2", "y", ""),
            ("x/1 (y/2)", "y", ""),
        ] {
            assert_eq!(found(value, &[name]).unwrap_or_default(), wanted, "{value}");
        }
        assert_eq!(
            found("yarn/1.22 npm/? node/v18", &["npm", "node"]).as_deref(),
            Some("node|v18")
        );
    }

    #[test]
    fn a_whole_value_is_one_product() {
        let whole = |value: &str, name: &str| {
            let claim = Products::read(value).whole(&|found| found == name);
            format!("{}|{}", claim.name, claim.version)
        };
        assert_eq!(whole("AcmeApp/5.2.0 (build 1234)", "AcmeApp"), "AcmeApp|5.2.0 (build 1234)");
        assert_eq!(
            whole("AcmeApp 5.2.0 (darwin/arm64)", "AcmeApp"),
            "AcmeApp|5.2.0 (darwin/arm64)"
        );
        assert_eq!(whole("Acme App/5.2.0", ""), "Acme App|5.2.0");
        assert_eq!(whole("Acme 2 App/5.2.0", "Acme 2 App"), "Acme 2 App|5.2.0");
        assert_eq!(whole("AcmeApp", ""), "AcmeApp|");
        assert_eq!(whole("(5.2.0)", ""), "(5.2.0)|");
    }
}
