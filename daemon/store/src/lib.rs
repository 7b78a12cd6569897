//! sled views that follow the ledger
