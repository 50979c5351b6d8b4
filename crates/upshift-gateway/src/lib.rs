//! A reverse proxy that enforces an Upshift policy.
