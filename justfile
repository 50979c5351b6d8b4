# The commands of the project. CI runs `just test`'s one line through .ci/run.

# List the recipes
default:
    @just --list

# All tests, with what they need: this is what CI runs
test:
    cargo xtask test

# All tests that need no other program
quick:
    cargo xtask test --without-peers

# The tests against real servers, clients and browsers; a filter picks some
interop *filter:
    cargo xtask interop {{filter}}

# Which crate may use which, and which module
arrows:
    cargo xtask arrows

# Sizes, names, skips with reasons
hygiene:
    cargo xtask hygiene

# Write the schema, the command line's page and what else is generated
docs:
    cargo xtask docs

# The example everyone tries first
demo:
    cargo run --release -- demo

# Formatting and lints, as CI sees them
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Licences, sources and advisories (needs cargo-deny)
deny:
    cargo deny check

# Fuzz one target for a while, with sanitizers (needs cargo-fuzz and a nightly toolchain)
fuzz target seconds="60":
    cargo +nightly fuzz run --fuzz-dir fuzz {{target}} -- -max_total_time={{seconds}}
