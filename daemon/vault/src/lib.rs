//! Keys, sealed blobs and their destruction
