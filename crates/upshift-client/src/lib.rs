//! An HTTP client that follows 426 Upgrade Required within a policy.
