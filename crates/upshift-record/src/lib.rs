//! The stable types and exit codes that leave Upshift.
