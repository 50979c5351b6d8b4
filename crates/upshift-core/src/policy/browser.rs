//! The family and version of a browser, from its `User-Agent`.
//!
//! 1. A bot, a previewer, a test tool's robot or a web view inside an app is no browser: whoever made it decides when
//!    it is updated, not the person in front of it, so that it stays an unknown client.
//! 2. The most particular token wins: every browser also names the ones that it resembles.
//! 3. On iOS each browser is Safari's engine under its own token; it counts as the browser that the person installed.

/// A browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Browser<'a> {
    pub(super) family: &'static str,
    pub(super) version: &'a str,
}

/// Token in the `User-Agent` and family, the most particular first.
const TOKENS: [(&str, &str); 16] = [
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex"),
    ("SamsungBrowser/", "Samsung"),
    ("CriOS/", "Chrome"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"), // only with "Safari/" behind it, see below
    ("Trident/", "Internet Explorer"),
    ("MSIE ", "Internet Explorer"),
];

/// What marks a `User-Agent` as no person's browser (lower case).
const NO_BROWSER: [&str; 22] = [
    "bot",
    "crawl",
    "spider",
    "slurp",
    "preview",
    "lighthouse",
    "headless",
    "facebookexternalhit",
    "whatsapp",
    "pingdom",
    "monitor",
    "curl/",
    "python",
    "java/", // tools that imitate
    "; wv)",
    "fban/",
    "fbav/",
    "instagram",
    "line/",
    "micromessenger",
    "electron/",
    "webview", // a page inside an app
];

/// Whether `name` is the name of a family.
pub(super) fn is_family(name: &str) -> bool {
    TOKENS.iter().any(|(_, family)| *family == name)
}

/// The browser that sent this, if a browser did.
pub(super) fn detect(user_agent: &str) -> Option<Browser<'_>> {
    let lower = user_agent.to_ascii_lowercase();
    if !lower.starts_with("mozilla/") || NO_BROWSER.iter().any(|mark| lower.contains(mark)) {
        return None;
    }
    TOKENS.iter().find_map(|&(token, family)| {
        let at = user_agent.find(token)?;
        if family == "Safari" && !user_agent.contains("Safari/") {
            return None;
        }
        let version = user_agent[at + token.len()..].split([' ', ';', ')']).next().unwrap_or_default();
        match token {
            // Internet Explorer 11 says only the version of its engine, which is four less.
            "Trident/" => Some(Browser { family, version: internet_explorer(version) }),
            _ => Some(Browser { family, version }),
        }
    })
}

fn internet_explorer(trident: &str) -> &'static str {
    match trident.split('.').next() {
        Some("7") => "11",
        Some("6") => "10",
        Some("5") => "9",
        _ => "8",
    }
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
            ("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0", Some(("Firefox", "121.0"))),
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
            ("Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)", Some(("Internet Explorer", "6.0"))),
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
            ("curl/8.0", None),
        ] {
            assert_eq!(detect(user_agent).map(|browser| (browser.family, browser.version)), want, "{user_agent}");
        }
    }
}
