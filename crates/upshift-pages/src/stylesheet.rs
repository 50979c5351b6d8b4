//! The stylesheet and its address.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The stylesheet of all pages.
pub const CSS: &str = include_str!("style.css");

/// The icon of the browser's tab, as a `data:` URL.
pub const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 \
    24 24' fill='none' stroke='%234468d9' stroke-width='2.4' stroke-linecap='round' \
    stroke-linejoin='round'%3E%3Ccircle cx='12' cy='12' r='10'/%3E%3Cpath d='M12 17V7m-4.5 4.5L12 \
    7l4.5 4.5'/%3E%3C/svg%3E";

static PATH: LazyLock<String> = LazyLock::new(|| asset_path("dashboard", CSS, "css"));

/// The Content-Security-Policy of a page that is a file: it has the stylesheet and loads nothing.
static FILE_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(CSS));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
});

/// The Content-Security-Policy of a page that is a file.
pub(crate) fn file_policy() -> &'static str {
    &FILE_POLICY
}

/// The path at which a gateway serves the stylesheet.
pub fn path() -> &'static str {
    &PATH
}

/// A path below `/assets/` that changes with the content of the asset, so that browsers may keep it
/// for as long as they like.
pub fn asset_path(name: &str, content: &str, extension: &str) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("/assets/{name}.{:016x}.{extension}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_an_asset_changes_with_its_content() {
        let path = asset_path("a", "one", "css");
        assert!(path.starts_with("/assets/a.") && path.ends_with(".css"), "{path}");
        assert_eq!(path, asset_path("a", "one", "css"));
        assert_ne!(path, asset_path("a", "two", "css"));
    }

    /// A page that loads something from elsewhere tells that host who reads it.
    #[test]
    fn the_stylesheet_loads_nothing() {
        assert!(!CSS.contains("url(") && !CSS.contains("@import"));
        // It stands in a `<style>` element of a file, too.
        assert!(!CSS.contains("</") && !CSS.contains("<!--"));
    }
}
