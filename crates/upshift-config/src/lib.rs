//! Upshift's policy file: TOML to policy, with errors that point at the line.
