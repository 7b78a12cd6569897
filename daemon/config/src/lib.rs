//! The configuration: one file per section, every error reported at once
