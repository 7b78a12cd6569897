//! Watched folders: scan, settle, claim
