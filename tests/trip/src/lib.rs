//! Lifecycle, ledger and store under damage and restart
