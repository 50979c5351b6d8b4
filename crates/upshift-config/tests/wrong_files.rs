//! What a person sees who wrote a wrong file.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use upshift_config::{Loaded, load_at, parse_moment};

/// Everything that is said about a file, as it is shown.
fn said(text: &str) -> String {
    let found = match load_at(text, "upshift.toml", parse_moment("2026-11-22").unwrap()) {
        Ok(Loaded { warnings, .. }) => warnings,
        Err(errors) => errors,
    };
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// One snapshot for each file of `tests/wrong`, named as the file.
#[test]
fn wrong_files() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let mut names: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    for path in names {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, said(&text));
        });
    }
}
