//! Keys stay in memory: no core dump of the daemon, and no swap in clear.

use nix::sys::{
    prctl,
    resource::{Resource, setrlimit},
    sysinfo::sysinfo,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Longest file of /proc and /sys that is read; swap areas are few.
const FILE_BYTES_MAX: usize = 64 << 10;

/// Stands for an area whose name cannot be told.
const HIDDEN_AREA: &str = "a swap area that /proc does not show here";

/// Forbids core dumps of this process, and that others of the same user attach to it. The unit says the
/// same; a daemon that was started in another way must not depend on it.
pub(crate) fn never_dump() -> io::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    Ok(prctl::set_dumpable(false)?)
}

/// Can memory of this process reach a disk in clear? Names the first swap area where it can.
pub(crate) fn clear_swap() -> io::Result<Option<PathBuf>> {
    let root = Path::new("/");
    let swaps = match read(&root.join("proc/swaps")) {
        // The unit hides it (ProcSubset=pid).
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        swaps => Some(swaps?),
    };
    Ok(clear_area(root, swaps.as_deref(), sysinfo()?.swap_total()))
}

/// The first area that is not safe. Where the list of areas is hidden the kernel still says how much swap there is, and
/// none of it can be called safe.
fn clear_area(root: &Path, swaps: Option<&str>, swap_bytes: u64) -> Option<PathBuf> {
    if is_barred(root) {
        return None;
    }
    match swaps {
        Some(swaps) => areas(swaps).find(|area| !is_safe(root, area)),
        None => (swap_bytes > 0).then(|| HIDDEN_AREA.into()),
    }
}

/// Swap areas, as /proc/swaps lists them; spaces in names are written as octal.
fn areas(swaps: &str) -> impl Iterator<Item = PathBuf> + '_ {
    swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next()).map(PathBuf::from)
}

/// Does the control group of this process keep it out of swap? Only version 2 says so for sure.
fn is_barred(root: &Path) -> bool {
    let own = read(&root.join("proc/self/cgroup")).unwrap_or_default();
    let Some(group) = own.lines().find_map(|line| line.strip_prefix("0::/")) else { return false };
    let mut group = Path::new(group);
    let top = root.join("sys/fs/cgroup");
    loop {
        if read(&top.join(group).join("memory.swap.max")).is_ok_and(|max| max.trim() == "0") {
            return true;
        }
        match group.parent() {
            Some(parent) => group = parent,
            None => return false,
        }
    }
}

/// An encrypted device, or compressed memory that reaches no disk.
fn is_safe(root: &Path, area: &Path) -> bool {
    let Ok(device) = fs::canonicalize(area) else { return false };
    let Some(name) = device.strip_prefix("/dev").ok().and_then(|_| device.file_name()) else { return false };
    let block = root.join("sys/class/block").join(name);
    let zram = name.to_str().is_some_and(|name| name.starts_with("zram"))
        && !read(&block.join("backing_dev")).is_ok_and(|disk| disk.trim() != "none");
    zram || read(&block.join("dm/uuid")).is_ok_and(|uuid| uuid.starts_with("CRYPT-"))
}

fn read(path: &Path) -> io::Result<String> {
    let text = fs::read_to_string(path)?;
    if text.len() > FILE_BYTES_MAX { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A root with a control group, and with swap devices of these kinds.
    fn root(group: &str, swap_max: Option<&str>) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("proc/self")).unwrap();
        fs::write(at("proc/self/cgroup"), format!("1:memory:/x\n0::/{group}\n")).unwrap();
        let dir = at("sys/fs/cgroup/system.slice/lazaretd.service");
        fs::create_dir_all(&dir).unwrap();
        if let Some(max) = swap_max {
            fs::write(dir.join("memory.swap.max"), max).unwrap();
        }
        root
    }

    #[test]
    fn this_process_is_never_dumped() {
        never_dump().unwrap();
        assert!(!prctl::get_dumpable().unwrap());
        assert_eq!(nix::sys::resource::getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
    }

    #[test]
    fn a_control_group_without_swap_keeps_keys_out_of_it() {
        let own = "system.slice/lazaretd.service";
        for (max, barred) in
            [(Some("0\n"), true), (Some("max\n"), false), (Some("1\n"), false), (None, false)]
        {
            assert_eq!(is_barred(root(own, max).path()), barred, "{max:?}");
        }
        assert!(is_barred(root("system.slice/lazaretd.service/inner", Some("0\n")).path()), "by its parent");
        assert!(!is_barred(root("", Some("0\n")).path()), "somebody else's group");
    }

    /// ProcSubset=pid hides /proc/swaps from the daemon.
    #[test]
    fn swap_that_is_hidden_is_clear_unless_the_control_group_bars_it() {
        let own = "system.slice/lazaretd.service";
        let (open, barred) = (root(own, None), root(own, Some("0\n")));
        assert_eq!(clear_area(open.path(), None, 1), Some(HIDDEN_AREA.into()));
        assert_eq!(clear_area(open.path(), None, 0), None, "there is no swap");
        assert_eq!(clear_area(barred.path(), None, 1 << 30), None);
        let listed = "Filename Type Size Used Priority\n/swapfile file 1 0 -2\n";
        assert_eq!(clear_area(open.path(), Some(listed), 1), Some("/swapfile".into()));
        assert_eq!(clear_area(barred.path(), Some(listed), 1), None);
        assert_eq!(
            sysinfo().unwrap().swap_total() > 0,
            areas(&read(Path::new("/proc/swaps")).unwrap()).count() > 0
        );
    }

    #[test]
    fn only_encrypted_devices_and_plain_zram_are_safe() {
        let root = root("", None);
        let block = root.path().join("sys/class/block/null");
        fs::create_dir_all(block.join("dm")).unwrap();
        let device = Path::new("/dev/null");
        assert!(!is_safe(root.path(), device));
        for (uuid, safe) in [("LVM-abc", false), ("CRYPT-PLAIN-swap", true), ("CRYPT-LUKS2-x", true)] {
            fs::write(block.join("dm/uuid"), uuid).unwrap();
            assert_eq!(is_safe(root.path(), device), safe, "{uuid}");
        }
        let file = root.path().join("swapfile");
        fs::write(&file, b"").unwrap();
        assert!(!is_safe(root.path(), &file), "a file lies on some disk");
        assert!(!is_safe(root.path(), Path::new("/dev/gone")));
    }

    #[test]
    fn swap_areas_are_read_as_the_kernel_lists_them() {
        let none = "Filename\tType\tSize\tUsed\tPriority\n";
        assert_eq!(areas(none).count(), 0);
        let two = format!("{none}/dev/dm-1 partition 1 0 -2\n/swapfile file 1 0 -3\n");
        assert_eq!(areas(&two).collect::<Vec<_>>(), [Path::new("/dev/dm-1"), Path::new("/swapfile")]);
    }
}
