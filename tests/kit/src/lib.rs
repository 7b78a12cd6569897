//! A test appliance on real disks, sandboxes and certificates
