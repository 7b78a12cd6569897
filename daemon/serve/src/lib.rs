//! Who may ask what: gRPC handlers, identity, authorisation
