//! The pure core of Upshift: HTTP 426 policy to decision to answer, and what a client does with one.
