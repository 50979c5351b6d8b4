//! The policies that people read in the book are valid files.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::path::{Path, PathBuf};

#[test]
fn the_policies_in_the_book_are_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages: Vec<PathBuf> =
        root.join("docs").read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.push(root.join("README.md"));
    let mut seen = 0;
    for page in
        pages.iter().filter(|page| page.extension().is_some_and(|extension| extension == "md"))
    {
        let text = std::fs::read_to_string(page).unwrap();
        for policy in text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let errors =
                upshift_config::load(policy, &page.to_string_lossy()).err().unwrap_or_default();
            let told: String = errors.iter().map(ToString::to_string).collect();
            assert_eq!(told, "", "{}:\n{policy}", page.display());
            seen += 1;
        }
    }
    assert!(seen >= 2, "the book shows no policy");
}
