//! Delivery connectors
