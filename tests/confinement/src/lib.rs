//! Probes of the sandbox
