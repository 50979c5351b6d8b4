//! No text is a policy file that makes its reader panic; every complaint about one can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let diagnostics = match upshift_config::load_at(text, "fuzz.toml", jiff::Timestamp::UNIX_EPOCH)
    {
        Ok(loaded) => loaded.warnings,
        Err(errors) => {
            assert!(!errors.is_empty(), "a file was refused without a word");
            errors
        }
    };
    for diagnostic in diagnostics {
        let _ = diagnostic.to_string();
    }
});
