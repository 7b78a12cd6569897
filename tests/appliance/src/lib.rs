//! End to end: real binaries, real sandbox, real mTLS
