//! Products and comments: `User-Agent` (RFC 9110 §10.1.5), and other fields of the same form.
//!
//! 1. A product is `Name/Version`, or `Name Version` as cargo, Faraday and Slack write it. Its name
//!    may have spaces, which some platforms send as `%20`.
//! 2. A comment is not searched for products. One that names a build right after a version belongs
//!    to that version.

use std::borrow::Cow;
use std::ops::Range;

use super::percent::percent_decode;
use crate::inline_text::InlineText;
use crate::inline_vec::InlineVec;
use crate::version::ClientVersion;

/// The most words that the name of a product may have.
pub const NAME_WORDS: usize = 6;

/// The most pieces that are looked at; the sender chooses how many there are.
const PIECES: usize = 256;

/// A client's name and the version that was sent for it, not yet parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientClaim<'a> {
    /// The client's name as it was sent, without percent-encoding (for a browser, its family's).
    pub name: Cow<'a, str>,
    /// Its version as it was sent; empty if it sent none.
    pub version: Cow<'a, str>,
    /// True if this is the client, and not merely the first product in the `User-Agent` of an
    /// unknown one.
    pub is_client: bool,
}

/// A word outside of comments, or a comment with its brackets.
#[derive(Clone, Debug)]
pub(super) struct Piece<'a> {
    text: &'a str,
    range: Range<usize>,
    is_comment: bool,
}

/// A field value, split into its pieces.
pub(super) struct Products<'a> {
    value: &'a str,
    /// A browser sends six to eight.
    pub(super) pieces: InlineVec<Piece<'a>, 10>,
}

/// The place of a product in the value.
#[derive(Clone)]
struct Product {
    name: Range<usize>,
    version: Range<usize>,
    /// The piece that its version, or else its name, ends with.
    last: usize,
}

impl ClientClaim<'_> {
    /// `Name/Version`, or the name alone.
    pub(crate) fn to_text(&self) -> InlineText {
        let separator = if self.version.is_empty() { "" } else { "/" };
        InlineText::join(&[&self.name, separator, &self.version])
    }

    pub(super) fn into_owned(self) -> ClientClaim<'static> {
        ClientClaim {
            name: Cow::Owned(self.name.into_owned()),
            version: Cow::Owned(self.version.into_owned()),
            is_client: self.is_client,
        }
    }
}

impl<'a> Piece<'a> {
    /// The content of a comment.
    pub(super) fn comment(&self) -> Option<&'a str> {
        if !self.is_comment {
            return None;
        }
        let inner = self.text.strip_prefix('(')?;
        // A comment that is not closed has no bracket at its end.
        Some(inner.strip_suffix(')').unwrap_or(inner).trim())
    }

    /// The word, if the piece is not a comment.
    pub(super) fn word(&self) -> Option<&'a str> {
        if self.is_comment { None } else { Some(self.text) }
    }

    /// Returns true if the piece names the build of the version before it.
    fn names_build(&self) -> bool {
        match self.comment() {
            Some(comment) => ClientVersion::is_build_comment(comment),
            None => ClientVersion::is_build_word(self.text),
        }
    }
}

impl<'a> Products<'a> {
    /// Splits a value.
    pub(super) fn parse(value: &'a str) -> Self {
        let mut pieces = InlineVec::new();
        let mut at = 0;
        // The sender chooses the length: the work stays bounded.
        while pieces.len() < PIECES {
            let Some(piece) = next_piece(value, at) else { break };
            at = piece.range.end;
            pieces.push(piece);
        }
        Self { value, pieces }
    }

    /// The first product that is wanted and whose version can be read; if there is none, the first
    /// that is wanted.
    pub(super) fn find_product(&self, wanted: &dyn Fn(&str) -> bool) -> Option<ClientClaim<'a>> {
        let mut first_unreadable = None;
        for at in 0..self.pieces.len() {
            let Some(product) = self.wanted_product(at, wanted) else { continue };
            let claim = self.claim_of(&product);
            if ClientVersion::parse_lenient(&claim.version).is_some() {
                return Some(claim);
            }
            // A later product may have a version that can be read: `npm/? node/v18`.
            first_unreadable.get_or_insert(claim);
        }
        first_unreadable
    }

    /// The first product, its name taken to be one word.
    pub(super) fn first_product(&self) -> Option<ClientClaim<'a>> {
        let product = (0..self.pieces.len()).find_map(|at| self.product_at(at, 1))?;
        Some(self.claim_of(&product))
    }

    /// The value as one product, whose version is everything after its name.
    pub(super) fn whole_value(&self, wanted: &dyn Fn(&str) -> bool) -> ClientClaim<'a> {
        let product = self.wanted_product(0, wanted).or_else(|| self.versioned_product());
        match product {
            Some(Product { name, version, .. }) => ClientClaim {
                name: decode_name(&self.value[name]),
                version: Cow::Borrowed(self.value[version.start..].trim()),
                is_client: true,
            },
            None => ClientClaim {
                name: decode_name(self.value),
                version: Cow::Borrowed(""),
                is_client: true,
            },
        }
    }

    /// The product at the beginning of the value with the shortest name that a version follows.
    fn versioned_product(&self) -> Option<Product> {
        for words in 1..=self.pieces.len() {
            match self.product_at(0, words) {
                Some(product) if !product.version.is_empty() => return Some(product),
                _ => {}
            }
        }
        None
    }

    /// The wanted product that begins with this piece, the longest name first.
    fn wanted_product(&self, at: usize, wanted: &dyn Fn(&str) -> bool) -> Option<Product> {
        // The longest name first: `Acme App/5` is not the product `Acme`.
        for words in (1..=NAME_WORDS).rev() {
            let Some(product) = self.product_at(at, words) else { continue };
            if wanted(&decode_name(&self.value[product.name.clone()])) {
                return Some(product);
            }
        }
        None
    }

    /// The product whose name is made of these words, the last one perhaps with its version.
    fn product_at(&self, at: usize, words: usize) -> Option<Product> {
        let last = at + words - 1;
        let named = self.pieces.get(at..=last)?;
        if named.iter().any(|piece| piece.is_comment) {
            return None;
        }
        let final_word = &named[words - 1];
        let (start, end) = (named[0].range.start, final_word.range.end);
        if let Some(offset) = final_word.text.find('/') {
            let slash = final_word.range.start + offset;
            return Some(Product { name: start..slash, version: slash + 1..end, last });
        }
        // `cargo 1.70.0`: the version is a word of its own.
        match self.pieces.get(last + 1) {
            Some(next) if !next.is_comment && begins_version(next.text) => {
                Some(Product { name: start..end, version: next.range.clone(), last: last + 1 })
            }
            _ => Some(Product { name: start..end, version: end..end, last }),
        }
    }

    /// The product's name and version, a build in the piece after it included.
    fn claim_of(&self, product: &Product) -> ClientClaim<'a> {
        let Product { name, mut version, last } = product.clone();
        // `AcmeApp/5.3.0 (build 1234)`: the build belongs to the version.
        match self.pieces.get(last + 1) {
            Some(next) if !version.is_empty() && next.names_build() => {
                version.end = next.range.end;
            }
            _ => {}
        }
        ClientClaim {
            name: decode_name(&self.value[name]),
            version: Cow::Borrowed(self.value[version].trim_end_matches([';', ','])),
            is_client: true,
        }
    }
}

/// The piece that begins at or after `from`.
fn next_piece(value: &str, from: usize) -> Option<Piece<'_>> {
    let bytes = value.as_bytes();
    let start = from + bytes.get(from..)?.iter().position(|byte| !is_gap(*byte))?;
    let is_comment = bytes[start] == b'(';
    let length = if is_comment {
        comment_length(&bytes[start..])
    } else {
        bytes[start..]
            .iter()
            .position(|byte| is_gap(*byte) || *byte == b'(')
            .unwrap_or(bytes.len() - start)
    };
    // Gaps and brackets are ASCII, so the range ends between two characters.
    let range = start..start + length;
    Some(Piece { text: &value[range.clone()], range, is_comment })
}

fn is_gap(byte: u8) -> bool {
    // A closing bracket here has no opening one, and separates like a space.
    matches!(byte, b' ' | b'\t' | b')')
}

/// The length of a comment (RFC 9110 §5.6.5); one that is not closed reaches to the end.
fn comment_length(bytes: &[u8]) -> usize {
    // RFC 9110 §5.6.5: comments nest, and a backslash quotes the next character.
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
fn decode_name(name: &str) -> Cow<'_, str> {
    if !name.contains('%') {
        return Cow::Borrowed(name);
    }
    Cow::Owned(String::from_utf8_lossy(&percent_decode(name)).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(value: &str, names: &[&str]) -> Option<String> {
        let wanted = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        Products::parse(value)
            .find_product(&wanted)
            .map(|claim| format!("{}|{}", claim.name, claim.version))
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
            let claim = Products::parse(value).whole_value(&|found| found == name);
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
