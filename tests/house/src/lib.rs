//! The house rules, kept true by tests
