//! A tower layer that answers 426 Upgrade Required by policy.
