//! The family and version of a browser, from its `User-Agent`.
//!
//! 1. A browser's value has a fixed shape: `Mozilla/5.0 (platform) engine (KHTML, like Gecko)`, and
//!    then products that are known here. Robots, previewers, test tools, web views inside an app
//!    and Office add a product, a comment or a part of the platform, so a value with anything more
//!    is not a browser's. Its maker decides when such a program is updated, not its user: it stays
//!    an unknown client.
//! 2. The most specific product wins: every browser also names the ones that it resembles.
//! 3. On iOS each browser is Safari's engine under its own product; it counts as the browser that
//!    the person installed.

use super::user_agent::{Piece, Products};
use crate::inline_vec::InlineVec;

/// A browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Browser<'a> {
    pub(super) family: &'static str,
    pub(super) version: &'a str,
}

/// The parts of a platform.
type PlatformParts<'a> = InlineVec<&'a str, 8>;

/// Names and versions of products.
type NamedVersions<'a> = InlineVec<(&'a str, &'a str), 8>;

/// Product and family, the most specific first.
const FAMILIES: [(&str, &str); 14] = [
    ("EdgA", "Edge"),
    ("EdgiOS", "Edge"),
    ("Edg", "Edge"),
    ("Edge", "Edge"),
    ("OPR", "Opera"),
    ("OPT", "Opera"),
    ("Vivaldi", "Vivaldi"),
    ("YaBrowser", "Yandex"),
    ("SamsungBrowser", "Samsung"),
    ("CriOS", "Chrome"),
    ("FxiOS", "Firefox"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Version", "Safari"),
];

const INTERNET_EXPLORER: &str = "Internet Explorer";

/// Words that browsers write beside the products of their families.
const COMPANIONS: [&str; 17] = [
    "Mozilla",
    "AppleWebKit",
    "Gecko",
    "like", // "like Gecko", of Internet Explorer 11
    "Safari",
    "Mobile",
    "Chromium",
    "Yowser",
    YANDEX_SEARCH,
    // Browsers whose engine is what sites require a version of.
    "Brave",
    "Ddg",
    "DuckDuckGo",
    "Whale",
    // Distributions.
    DISTRIBUTIONS[0],
    DISTRIBUTIONS[1],
    DISTRIBUTIONS[2],
    DISTRIBUTIONS[3],
];

/// Distributions that old Firefox names, followed by the release in a comment.
const DISTRIBUTIONS: [&str; 4] = ["Debian", "Fedora", "Raspbian", "Ubuntu"];

/// The product that Yandex's browser on phones, and no other, writes beside its own.
const YANDEX_SEARCH: &str = "SA";

/// Marks that no browser for people has in its platform (in lower case): Office, and robots that
/// name themselves there.
const NO_PLATFORM: [&str; 9] = [
    "crawler",
    "datanyze",
    "gomezagent",
    "http:",
    "https:",
    "microsoft outlook",
    "msoffice",
    "scraper",
    "spider",
];

/// The beginnings of the platforms that Safari runs on. The last Safari for Windows, 5, writes how
/// strong its cryptography is: `Windows; U; Windows NT 6.1`.
const SAFARI_PLATFORMS: [&str; 6] =
    ["Macintosh", "iPhone", "iPad", "iPod", "Windows NT", "Windows; U; Windows NT"];

/// Returns true if `name` is the name of a family.
pub(super) fn is_family(name: &str) -> bool {
    name.eq_ignore_ascii_case(INTERNET_EXPLORER)
        || FAMILIES.iter().any(|(_, family)| family.eq_ignore_ascii_case(name))
}

/// The browser that sent this, if a browser did.
pub(super) fn detect_browser<'a>(agent: &Products<'a>) -> Option<Browser<'a>> {
    let [first, second, rest @ ..] = agent.pieces.as_slice() else { return None };
    // Internet Explorer wrote `Mozilla/4.0` up to version 8.
    if !matches!(first.word(), Some("Mozilla/5.0" | "Mozilla/4.0")) {
        return None;
    }
    let platform = second.comment()?;
    let parts: PlatformParts<'_> = platform.split(';').map(str::trim).collect();
    if !is_platform(platform, &parts) {
        return None;
    }
    let products = known_products(rest)?;
    // Internet Explorer names itself in the platform, so its products cannot tell.
    internet_explorer(&parts).or_else(|| browser_of_products(&products, platform))
}

/// Names and versions of the products; `None` if a browser would not write one of the pieces.
fn known_products<'a>(pieces: &[Piece<'a>]) -> Option<NamedVersions<'a>> {
    let mut products = NamedVersions::new();
    for piece in pieces {
        if let Some(word) = piece.word() {
            products.push(known_product(word)?);
            continue;
        }
        let comment = piece.comment()?;
        match products.last() {
            _ if is_browser_comment(comment) => {}
            Some((product, _)) if is_release(comment, product) => {}
            _ => return None,
        }
    }
    Some(products)
}

/// The browser whose shape the products have.
fn browser_of_products<'a>(products: &[(&'a str, &'a str)], platform: &str) -> Option<Browser<'a>> {
    let (token, family) = *FAMILIES.iter().find(|(token, _)| names_product(products, token))?;
    let is_shaped = match (token, family) {
        (token, _) if names_product(products, YANDEX_SEARCH) && token != "YaBrowser" => false,
        ("Firefox", _) => names_product(products, "Gecko"),
        // With `Version`, it is the web view of an old Android.
        ("Chrome", _) => names_product(products, "Safari") && !names_product(products, "Version"),
        // Others that write `Version` are the browsers of old Androids, consoles and television
        // sets, and GNOME's.
        (_, "Safari") => {
            names_product(products, "Safari")
                && SAFARI_PLATFORMS.iter().any(|system| platform.starts_with(system))
        }
        // All others write it, whether they are built on WebKit or not.
        _ => names_product(products, "AppleWebKit"),
    };
    if !is_shaped {
        return None;
    }
    Some(Browser { family, version: version_of(products, token)? })
}

fn names_product(products: &[(&str, &str)], name: &str) -> bool {
    products.iter().any(|(product, _)| *product == name)
}

fn version_of<'a>(products: &[(&'a str, &'a str)], name: &str) -> Option<&'a str> {
    let (_, version) = products.iter().find(|(product, _)| *product == name)?;
    Some(version)
}

/// Name and version of a word that browsers write.
fn known_product(word: &str) -> Option<(&str, &str)> {
    let (name, version) = word.split_once('/').unwrap_or((word, ""));
    let is_known = COMPANIONS.contains(&name) || FAMILIES.iter().any(|(token, _)| *token == name);
    if is_known { Some((name, version)) } else { None }
}

fn is_platform(platform: &str, parts: &[&str]) -> bool {
    let is_explorer = internet_explorer(parts).is_some();
    // Androids name their build and their model, and Internet Explorer itself, with a slash; others
    // have none there.
    let may_have_slash = is_explorer || platform.contains("Android");
    for part in parts {
        let is_strange = match *part {
            "wv" => true,
            "compatible" => !is_explorer,
            // Not "bot": there are phones called CUBOT.
            part if part.ends_with("Bot") => true,
            part => part.contains('/') && !may_have_slash,
        };
        if is_strange {
            return false;
        }
    }
    !has_foreign_mark(platform.as_bytes())
}

/// Returns true if the platform contains one of [`NO_PLATFORM`], in any case.
fn has_foreign_mark(platform: &[u8]) -> bool {
    for (at, byte) in platform.iter().enumerate() {
        let first = byte.to_ascii_lowercase();
        for mark in NO_PLATFORM.map(str::as_bytes) {
            // Nearly always the first letter differs, and nothing else is compared.
            if mark[0] == first
                && let Some(text) = platform.get(at..at + mark.len())
                && text.eq_ignore_ascii_case(mark)
            {
                return true;
            }
        }
    }
    false
}

fn is_browser_comment(comment: &str) -> bool {
    // Opera writes how it was installed, `(Edition std-1)`, and old Firefox a plug-in,
    // `(.NET CLR 3.5.30729)`.
    comment == "KHTML, like Gecko"
        || comment.starts_with("Edition ")
        || comment.starts_with(".NET CLR ")
}

/// Returns true if a comment names the release of a distribution: `Ubuntu/8.04 (hardy)`.
fn is_release(comment: &str, product: &str) -> bool {
    DISTRIBUTIONS.contains(&product) && comment.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Internet Explorer, which names itself in the platform. Version 11 is known by its engine even
/// where it claims to be 7.
fn internet_explorer<'a>(parts: &[&'a str]) -> Option<Browser<'a>> {
    let trident = parts.iter().find_map(|part| part.strip_prefix("Trident/"));
    let major = trident.map(|version| version.split('.').next().unwrap_or_default());
    let version = match major {
        Some("7") => "11",
        Some("6") => "10",
        Some("5") => "9",
        // `Trident/4.0`. Older versions do not name their engine.
        Some(_) => "8",
        None => parts.iter().find_map(|part| part.strip_prefix("MSIE "))?,
    };
    Some(Browser { family: INTERNET_EXPLORER, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        for (user_agent, want) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36 Edg/119.0.2151.72",
                Some(("Edge", "119.0.2151.72")),
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
                Some(("Firefox", "121.0")),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/119.0.6045.109 Mobile/15E148 Safari/604.1",
                Some(("Chrome", "119.0.6045.109")),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 16_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.3 Mobile/15E148 Safari/604.1",
                Some(("Safari", "16.3")),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
                Some(("Internet Explorer", "11")),
            ),
            (
                "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)",
                Some(("Internet Explorer", "6.0")),
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; +http://www.google.com/bot.html) Chrome/100.0 Safari/537.36",
                None,
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; Pixel; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/90.0 Mobile Safari/537.36",
                None,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 16_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
                None,
            ),
            (
                "Mozilla/5.0 (Linux; arm_64; Android 13; SM-A515F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.5993.92 SA/3 Mobile Safari/537.36",
                None,
            ),
            ("curl/8.0", None),
        ] {
            assert_eq!(
                detect_browser(&Products::parse(user_agent))
                    .map(|browser| (browser.family, browser.version)),
                want,
                "{user_agent}"
            );
        }
    }
}
