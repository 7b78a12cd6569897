//! Makes the sample documents, with their truth
