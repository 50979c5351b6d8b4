//! The family and version of a browser, from its `User-Agent`.
//!
//! 1. What a browser sends has a fixed shape: `Mozilla/5.0 (platform) engine (KHTML, like Gecko)`,
//!    and then products that are known here. Robots, previewers, test tools, web views inside an
//!    app and Office add a product, a comment or a part of the platform, so that what has anything
//!    more is no browser. Its maker decides when it is updated, not the person in front of it: it
//!    stays an unknown client.
//! 2. The most particular product wins: every browser also names the ones that it resembles.
//! 3. On iOS each browser is Safari's engine under its own product; it counts as the browser that
//!    the person installed.

use super::user_agent::Products;

/// A browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Browser<'a> {
    pub(super) family: &'static str,
    pub(super) version: &'a str,
}

/// Product and family, the most particular first.
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

/// Distributions that old Firefox names, its release in the comment behind them.
const DISTRIBUTIONS: [&str; 4] = ["Debian", "Fedora", "Raspbian", "Ubuntu"];

/// The product that Yandex's browser on phones, and no other, writes beside its own.
const YANDEX_SEARCH: &str = "SA";

/// What a browser for people has in no part of its platform (lower case): Office, and robots that
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

/// Tells whether `name` is the name of a family.
pub(super) fn is_family(name: &str) -> bool {
    let mut families = FAMILIES.iter().map(|(_, family)| *family).chain([INTERNET_EXPLORER]);
    families.any(|family| family.eq_ignore_ascii_case(name))
}

/// The browser that sent this, if a browser did.
pub(super) fn detect<'a>(agent: &Products<'a>) -> Option<Browser<'a>> {
    let (first, rest) = agent.pieces.split_first()?;
    let platform = rest.first()?.comment()?;
    let parts: Vec<&str> = platform.split(';').map(str::trim).collect();
    if !matches!(first.word()?, "Mozilla/5.0" | "Mozilla/4.0") || !is_platform(platform, &parts) {
        return None;
    }
    let mut products: Vec<(&str, &str)> = Vec::new();
    for piece in &rest[1..] {
        match (piece.word(), piece.comment()) {
            (Some(word), _) => products.push(known_product(word)?),
            (_, Some(comment)) if is_browsers_comment(comment) => {}
            (_, Some(comment))
                if products.last().is_some_and(|last| is_release(comment, last.0)) => {}
            _ => return None,
        }
    }
    internet_explorer(&parts).or_else(|| family(&products, platform))
}

/// The products of one of the shapes, by family.
fn family<'a>(products: &[(&'a str, &'a str)], platform: &str) -> Option<Browser<'a>> {
    let version = |name: &str| {
        products.iter().find(|(product, _)| *product == name).map(|(_, version)| *version)
    };
    let (token, family) = *FAMILIES.iter().find(|(token, _)| version(token).is_some())?;
    let shaped = match (token, family) {
        (token, _) if version(YANDEX_SEARCH).is_some() && token != "YaBrowser" => false,
        ("Firefox", _) => version("Gecko").is_some(),
        // With `Version`, it is the web view of an old Android.
        ("Chrome", _) => version("Safari").is_some() && version("Version").is_none(),
        // Others that write `Version` are the browsers of old Androids, consoles and television
        // sets, and GNOME's.
        (_, "Safari") => version("Safari").is_some() && has_safari(platform),
        _ => version("AppleWebKit").is_some(),
    };
    shaped.then_some(Browser { family, version: version(token)? })
}

/// Name and version of a word that browsers write.
fn known_product(word: &str) -> Option<(&str, &str)> {
    let (name, version) = word.split_once('/').unwrap_or((word, ""));
    let known = COMPANIONS.contains(&name) || FAMILIES.iter().any(|(token, _)| *token == name);
    known.then_some((name, version))
}

fn is_platform(platform: &str, parts: &[&str]) -> bool {
    let lower = platform.to_ascii_lowercase();
    let is_explorer = internet_explorer(parts).is_some();
    // Androids name their build and their model, and Internet Explorer itself, with a slash; others
    // have none there.
    let may_have_slash = is_explorer || platform.contains("Android");
    let strange = |part: &&str| match *part {
        "wv" => true,
        "compatible" => !is_explorer,
        // Not "bot", for there are telephones called CUBOT.
        part if part.ends_with("Bot") => true,
        part => part.contains('/') && !may_have_slash,
    };
    !parts.iter().any(strange) && !NO_PLATFORM.iter().any(|mark| lower.contains(mark))
}

fn is_browsers_comment(comment: &str) -> bool {
    // Opera writes the way in which it was installed, `(Edition std-1)`, and old Firefox a plug-in,
    // `(.NET CLR 3.5.30729)`.
    comment == "KHTML, like Gecko"
        || comment.starts_with("Edition ")
        || comment.starts_with(".NET CLR ")
}

/// Tells whether a comment names the release of a distribution: `Ubuntu/8.04 (hardy)`.
fn is_release(comment: &str, product: &str) -> bool {
    DISTRIBUTIONS.contains(&product) && comment.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn has_safari(platform: &str) -> bool {
    // The last Safari for Windows, 5, writes how strong its cryptography is:
    // `Windows; U; Windows NT 6.1`.
    ["Macintosh", "iPhone", "iPad", "iPod", "Windows NT", "Windows; U; Windows NT"]
        .iter()
        .any(|system| platform.starts_with(system))
}

/// Internet Explorer writes itself into the platform; from its engine, 11 is known even where it
/// takes itself for 7.
fn internet_explorer<'a>(parts: &[&'a str]) -> Option<Browser<'a>> {
    let trident = parts.iter().find_map(|part| part.strip_prefix("Trident/"));
    let version = match trident.and_then(|version| version.split('.').next()) {
        Some("7") => "11",
        Some("6") => "10",
        Some("5") => "9",
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
                detect(&Products::read(user_agent))
                    .map(|browser| (browser.family, browser.version)),
                want,
                "{user_agent}"
            );
        }
    }
}
