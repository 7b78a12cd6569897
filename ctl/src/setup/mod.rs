//! Offline set-up: a private appliance in a folder of its own, and its authority.

mod authority;
pub(crate) mod files;
mod init;
mod pki;

pub(crate) use init::{Init, run as init};
pub(crate) use pki::{Pki, run as pki};
