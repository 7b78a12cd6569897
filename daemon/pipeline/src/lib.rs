//! The trip of a document, station by station
