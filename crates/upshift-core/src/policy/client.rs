//! The client, and its version, that sent a request.

use std::borrow::Cow;
use std::fmt;

use super::browser::{self, Browser};
use super::user_agent::{ClientClaim, Products};
use crate::facts::Facts;
use crate::field::FieldName;

/// A place in the request where a client names itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientReader {
    /// `header:NAME`: the value is `Name/Version`.
    Header(FieldName),
    /// `header:NAME=CLIENT`: the value is a bare version of that client.
    HeaderOf(FieldName, Box<str>),
    /// `user-agent`: product tokens, then the family of the browser.
    UserAgent,
}

impl ClientReader {
    /// The field that it reads, in lower case.
    pub fn field(&self) -> &str {
        match self {
            Self::Header(name) | Self::HeaderOf(name, _) => name.lower(),
            Self::UserAgent => "user-agent",
        }
    }

    /// The client that the request names here; `wanted` returns true for the names that a product
    /// token may have.
    pub fn claim<'a>(
        &'a self,
        facts: &Facts<'a>,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Option<ClientClaim<'a>> {
        match facts.fields.text_lossy(self.field())? {
            Cow::Borrowed(value) => self.claim_in(value, wanted),
            // The text was repaired, so the claim cannot borrow from the request.
            Cow::Owned(value) => Some(self.claim_in(&value, wanted)?.into_owned()),
        }
    }

    fn claim_in<'a>(
        &'a self,
        value: &'a str,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Option<ClientClaim<'a>> {
        match self {
            Self::UserAgent => user_agent_claim(value, wanted),
            // An empty field names no client, and the next reader may.
            Self::Header(_) | Self::HeaderOf(..) if value.is_empty() => None,
            Self::Header(_) => Some(Products::parse(value).whole_value(wanted)),
            Self::HeaderOf(_, client) => {
                let version = Cow::Borrowed(bare_version(value, client));
                Some(ClientClaim { name: Cow::Borrowed(client), version, is_client: true })
            }
        }
    }
}

/// The family and the major version of the program that a `User-Agent` names, such as `Chrome/109`
/// or `curl/8`, for statistics. `None` if it names none.
pub fn client_family(user_agent: &str) -> Option<String> {
    let claim = user_agent_claim(user_agent, &|_| false)?;
    // Robots and web views that imitate browsers begin with this product, too: it tells nothing.
    if claim.name.is_empty() || claim.name.eq_ignore_ascii_case("Mozilla") {
        return None;
    }
    let version = claim.version.trim_start_matches(['v', 'V']);
    let digits = version.bytes().take_while(u8::is_ascii_digit).count();
    match &version[..digits] {
        "" => Some(claim.name.into_owned()),
        major => Some(format!("{}/{major}", claim.name)),
    }
}

/// Returns true if the product `name` is in a `User-Agent` (RFC 9110 §10.1.5), compared without
/// case.
pub fn has_product(user_agent: &str, name: &str) -> bool {
    has_any_product(user_agent, &[name])
}

/// The same for several names. The value is split only once.
pub(super) fn has_any_product(user_agent: &str, names: &[&str]) -> bool {
    let is_wanted = |product: &str| names.iter().any(|name| product.eq_ignore_ascii_case(name));
    Products::parse(user_agent).find_product(&is_wanted).is_some()
}

/// Returns false if no name can be a product of the value. A search for their letters costs a tenth
/// of splitting the value into products.
pub(crate) fn may_name_product(user_agent: &[u8], names: &[&str]) -> bool {
    let mut begins_name = [false; 256];
    // A name may be percent-encoded.
    begins_name[usize::from(b'%')] = true;
    for name in names {
        let first = name.as_bytes().first().copied().unwrap_or_default();
        begins_name[usize::from(first.to_ascii_lowercase())] = true;
        begins_name[usize::from(first.to_ascii_uppercase())] = true;
    }
    for (at, byte) in user_agent.iter().enumerate() {
        if begins_name[usize::from(*byte)] && begins_with_any(&user_agent[at..], names) {
            return true;
        }
    }
    false
}

fn begins_with_any(text: &[u8], names: &[&str]) -> bool {
    if text.first() == Some(&b'%') {
        return true;
    }
    names.iter().any(|name| match text.get(..name.len()) {
        Some(word) => word.eq_ignore_ascii_case(name.as_bytes()),
        None => false,
    })
}

/// The version in a field that carries one of this client. Some clients write their name there all
/// the same.
fn bare_version<'a>(value: &'a str, client: &str) -> &'a str {
    let claim = Products::parse(value).whole_value(&|name| name.eq_ignore_ascii_case(client));
    match claim.version {
        Cow::Borrowed(version)
            if claim.name.eq_ignore_ascii_case(client) && !version.is_empty() =>
        {
            version
        }
        _ => value,
    }
}

/// The client that a `User-Agent` names.
///
/// Browsers write each other's tokens (`Chrome/120 Safari/537.36`), so a browser is recognised by
/// its family only, and a product counts for every other name. For a client that is neither, the
/// first product is shown.
fn user_agent_claim<'a>(value: &'a str, wanted: &dyn Fn(&str) -> bool) -> Option<ClientClaim<'a>> {
    let products = Products::parse(value);
    // Every Chrome also writes `Safari`: as a product, a family proves nothing.
    if let Some(claim) = products.find_product(&|name| wanted(name) && !browser::is_family(name)) {
        return Some(claim);
    }
    if let Some(Browser { family, version }) = browser::detect_browser(&products) {
        let (name, version) = (Cow::Borrowed(family), Cow::Borrowed(version));
        return Some(ClientClaim { name, version, is_client: true });
    }
    // `Opera/9.80` and the `Safari/17614.1` of CFNetwork are not versions of these browsers.
    Some(ClientClaim { is_client: false, ..products.first_product()? })
}

/// The reader as the policy file writes it.
impl fmt::Display for ClientReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header:{}", name.written()),
            Self::HeaderOf(name, client) => write!(f, "header:{}={client}", name.written()),
            Self::UserAgent => f.write_str("user-agent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{HttpVersion, Known};

    /// Catches a product that the search for its letters does not find.
    #[test]
    fn letters_of_a_product_are_found_in_every_form() {
        for agent in ["kube-probe/1.29", "a GoogleHC/1.0", "x KUBE-PROBE", "kube%2Dprobe/1"] {
            assert!(may_name_product(agent.as_bytes(), &["kube-probe", "GoogleHC"]), "{agent}");
        }
        for agent in ["", "Mozilla/5.0 (KHTML, like Gecko)", "kube-prob", "GoogleH"] {
            assert!(!may_name_product(agent.as_bytes(), &["kube-probe", "GoogleHC"]), "{agent}");
        }
    }

    #[test]
    fn a_client_has_a_family_and_a_major_version() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/109.0.0.0 Safari/537.36";
        let bot = "Mozilla/5.0 (compatible; Examplebot/2.1; +http://example.com/bot)";
        for (agent, family) in [
            (chrome, Some("Chrome/109")),
            ("curl/8.5.0", Some("curl/8")),
            ("AcmeApp/v5.1 (iPhone)", Some("AcmeApp/5")),
            ("okhttp", Some("okhttp")),
            (bot, None),
            ("", None),
        ] {
            assert_eq!(client_family(agent).as_deref(), family, "{agent}");
        }
    }

    fn read(value: &str) -> Option<(String, String)> {
        let wanted = |name: &str| ["Chrome", "Safari", "AcmeApp"].contains(&name);
        user_agent_claim(value, &wanted)
            .map(|claim| (claim.name.into_owned(), claim.version.into_owned()))
    }

    /// Kind: one byte of another encoding hides all that stands beside it.
    #[test]
    fn a_byte_that_is_not_utf8_hides_no_version() {
        let wanted = |name: &str| name == "AcmeApp";
        let value: &[u8] = b"AcmeApp/5.2.0 (Xiaomi; T\xe9l\xe9phone)";
        let fields =
            vec![("user-agent", value), ("x-version", b"5.2.0 T\xe9l"), ("x-client", value)];
        let facts = Facts {
            method: "GET",
            host: "example.com",
            path: "/",
            query: None,
            hop: HttpVersion::V1_1,
            http: Known::Is(HttpVersion::V1_1),
            tls: Known::Unknown,
            client_ip: None,
            fields: &fields,
            has_content: false,
            protocol: None,
        };
        let name = |name: &str| FieldName::parse(name).unwrap_or_else(|| panic!("{name}"));
        for reader in [
            ClientReader::UserAgent,
            ClientReader::Header(name("x-client")),
            ClientReader::HeaderOf(name("x-version"), "AcmeApp".into()),
        ] {
            let claim = reader.claim(&facts, &wanted);
            let version = claim
                .and_then(|claim| crate::version::ClientVersion::parse_lenient(&claim.version));
            assert!(
                version.is_some_and(|version| version.as_str().starts_with("5.2.0")),
                "{reader}"
            );
        }
    }

    #[test]
    fn a_browser_is_known_by_its_family() {
        for (value, name, version) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
                "Chrome",
                "120.0.0.0",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.6 Safari/605.1.15",
                "Safari",
                "15.6",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/120.0 AcmeApp/4.9",
                "AcmeApp",
                "4.9",
            ),
            ("curl/8.1.2", "curl", "8.1.2"),
            (
                "Safari/17614.1.25.9.10 CFNetwork/1335.0.3 Darwin/21.6.0",
                "Safari",
                "17614.1.25.9.10",
            ),
        ] {
            assert_eq!(read(value), Some((name.to_owned(), version.to_owned())), "{value}");
        }
        assert_eq!(read(""), None);
    }
}
