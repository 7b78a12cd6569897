//! The gRPC contract between daemon and its callers
