//! The few system calls that other rooms need, in safe form. Each does one call and keeps no state.

use nix::{
    errno::Errno,
    fcntl::{OFlag, OpenHow, RenameFlags, ResolveFlag, openat2, renameat2},
    sys::stat::Mode,
};
use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::Path,
    sync::Once,
};

/// Whether anybody else has a file open for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// Nobody has.
    Free,
    /// Somebody has: the file may still grow.
    Busy,
    /// The filesystem, or the file's owner, does not let us ask.
    Unsupported,
}

/// Opens `path` below `folder`: no symbolic link in any part of it, no way out of the folder, no other
/// filesystem. The descriptor is closed on exec.
///
/// # Errors
/// The kernel's: `ELOOP` for a link, `EXDEV` for a way out, and those of `open`.
pub fn openat2_beneath(folder: impl AsFd, path: &Path, flags: OFlag, mode: Mode) -> io::Result<OwnedFd> {
    let resolve = ResolveFlag::RESOLVE_BENEATH
        | ResolveFlag::RESOLVE_NO_SYMLINKS
        | ResolveFlag::RESOLVE_NO_MAGICLINKS
        | ResolveFlag::RESOLVE_NO_XDEV;
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).mode(mode).resolve(resolve);
    Ok(openat2(folder, path, how)?)
}

/// Gives memory that was freed, and that the allocator keeps between pieces in use, back to the kernel
/// (`malloc_trim(3)`).
pub fn give_back_memory() {
    // SAFETY: takes a plain integer, and the allocator's own locks.
    unsafe { libc::malloc_trim(0) };
}

/// Renames within one filesystem and never replaces: of two that try, one wins.
///
/// # Errors
/// The kernel's: `EEXIST` when `to` exists, `ENOENT` when `from` is gone.
pub fn rename_noreplace(
    from_folder: impl AsFd,
    from: &Path,
    to_folder: impl AsFd,
    to: &Path,
) -> io::Result<()> {
    Ok(renameat2(from_folder, from, to_folder, to, RenameFlags::RENAME_NOREPLACE)?)
}

/// Asks by a read lease, taken and released at once, whether a file opened for reading has a writer.
///
/// # Errors
/// The kernel's, other than the answers in [`Lease`].
pub fn read_lease(file: impl AsFd) -> io::Result<Lease> {
    ignore_lease_breaks();
    match set_lease(&file, libc::F_RDLCK) {
        Ok(()) => set_lease(&file, libc::F_UNLCK).map(|()| Lease::Free).map_err(io::Error::from),
        Err(Errno::EAGAIN) => Ok(Lease::Busy),
        Err(Errno::EINVAL | Errno::EACCES | Errno::EPERM | Errno::ENOLCK | Errno::EOPNOTSUPP) => {
            Ok(Lease::Unsupported)
        }
        Err(error) => Err(error.into()),
    }
}

fn set_lease(file: &impl AsFd, kind: libc::c_int) -> nix::Result<()> {
    // SAFETY: F_SETLEASE takes an integer and touches no memory of ours; the descriptor is borrowed, so
    // it is open for the length of the call.
    Errno::result(unsafe { libc::fcntl(file.as_fd().as_raw_fd(), libc::F_SETLEASE, kind) }).map(drop)
}

/// Somebody who opens the file while the lease is held makes the kernel send SIGIO, which kills by
/// default. The lease is given back at once, so the signal says nothing new.
fn ignore_lease_breaks() {
    static IGNORED: Once = Once::new();
    IGNORED.call_once(|| {
        // SAFETY: SIG_IGN is no handler, so no code of ours runs in signal context; SIGIO has no other use
        // in this process.
        unsafe { libc::signal(libc::SIGIO, libc::SIG_IGN) };
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{fs, os::unix::fs::symlink};

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("sandbox-sys-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_file_opened_beneath_a_folder_is_neither_a_link_nor_outside() {
        let path = folder("beneath");
        fs::write(path.join("file"), b"x").unwrap();
        if !path.join("link").is_symlink() {
            symlink("file", path.join("link")).unwrap();
        }
        let dir = fs::File::open(&path).unwrap();
        let open = |name: &str| {
            openat2_beneath(&dir, Path::new(name), OFlag::O_RDONLY | OFlag::O_NOFOLLOW, Mode::empty())
        };
        assert!(open("file").is_ok());
        assert_eq!(open("link").unwrap_err().raw_os_error(), Some(libc::ELOOP));
        assert_eq!(open("../etc").unwrap_err().raw_os_error(), Some(libc::EXDEV));
        assert_eq!(open("/etc/passwd").unwrap_err().raw_os_error(), Some(libc::EXDEV));
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn of_two_renames_to_one_name_the_second_loses_and_loses_nothing() {
        let path = folder("rename");
        fs::write(path.join("a"), b"a").unwrap();
        fs::write(path.join("b"), b"b").unwrap();
        let dir = fs::File::open(&path).unwrap();
        rename_noreplace(&dir, Path::new("a"), &dir, Path::new("c")).unwrap();
        let error = rename_noreplace(&dir, Path::new("b"), &dir, Path::new("c")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(path.join("b")).unwrap(), b"b");
        assert_eq!(fs::read(path.join("c")).unwrap(), b"a");
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_lease_tells_whether_a_writer_is_there() {
        let path = folder("lease");
        let name = path.join("growing");
        let writer = fs::File::create(&name).unwrap();
        assert_eq!(read_lease(fs::File::open(&name).unwrap()).unwrap(), Lease::Busy);
        drop(writer);
        assert_eq!(read_lease(fs::File::open(&name).unwrap()).unwrap(), Lease::Free);
        fs::remove_dir_all(path).unwrap();
    }
}
