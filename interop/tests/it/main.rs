//! The interop tests: one program, one module per subject. Each test names the paragraph or the line it stands for.

mod vectors;
