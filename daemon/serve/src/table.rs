//! The one table of who may call what. What is not in it is refused, and a build with an RPC that is not
//! in it fails (B30, B31).

use types::Scope;

/// An RPC and the scopes of which one suffices.
pub(crate) struct Entry {
    /// Path as in the HTTP/2 request.
    pub(crate) rpc: &'static str,
    /// Any one of these.
    pub(crate) any_of: &'static [Scope],
}

/// States, routes and counts of documents; no content.
const SEE: &[Scope] = &[
    Scope::ReadRedacted,
    Scope::ReadOriginal,
    Scope::Review,
    Scope::Route,
    Scope::Hold,
    Scope::Audit,
    Scope::Admin,
];

/// Counts only, so an uploader may wait for its documents.
const COUNT: &[Scope] = &[
    Scope::Upload,
    Scope::ReadRedacted,
    Scope::ReadOriginal,
    Scope::Review,
    Scope::Route,
    Scope::Hold,
    Scope::Audit,
    Scope::Admin,
];

/// Sorted as the proto file is.
pub(crate) const TABLE: &[Entry] = &[
    entry("/lazaret.v1.Documents/Submit", &[Scope::Upload]),
    entry("/lazaret.v1.Documents/List", SEE),
    entry("/lazaret.v1.Documents/Get", SEE),
    entry("/lazaret.v1.Documents/Progress", COUNT),
    entry("/lazaret.v1.Documents/Words", &[Scope::ReadOriginal]),
    entry("/lazaret.v1.Documents/Redactions", &[Scope::ReadRedacted, Scope::ReadOriginal, Scope::Review]),
    entry("/lazaret.v1.Documents/GetText", &[Scope::ReadOriginal]),
    entry("/lazaret.v1.Documents/GetRedacted", &[Scope::ReadRedacted]),
    entry("/lazaret.v1.Documents/GetOriginal", &[Scope::ReadOriginal]),
    entry("/lazaret.v1.Documents/Events", &[Scope::Audit, Scope::Review]),
    entry("/lazaret.v1.Documents/Explain", &[Scope::Audit, Scope::Review, Scope::Route, Scope::Admin]),
    entry("/lazaret.v1.Documents/Verify", &[Scope::Audit, Scope::Admin]),
    entry("/lazaret.v1.Documents/Accounting", &[Scope::Audit]),
    entry("/lazaret.v1.Documents/PlaceHold", &[Scope::Hold]),
    entry("/lazaret.v1.Documents/LiftHold", &[Scope::Hold]),
    entry("/lazaret.v1.Documents/Release", &[Scope::Reprocess]),
    entry("/lazaret.v1.Review/List", &[Scope::Review]),
    entry("/lazaret.v1.Review/Approve", &[Scope::Review]),
    entry("/lazaret.v1.Review/Reject", &[Scope::Review]),
    entry("/lazaret.v1.Review/Reclassify", &[Scope::Review]),
    entry("/lazaret.v1.Routes/List", SEE),
    entry("/lazaret.v1.Routes/Reroute", &[Scope::Route]),
    entry("/lazaret.v1.Retention/Due", &[Scope::Delete, Scope::Audit, Scope::Admin]),
    entry("/lazaret.v1.Retention/Run", &[Scope::Delete]),
    entry("/lazaret.v1.Holds/Place", &[Scope::Hold]),
    entry("/lazaret.v1.Holds/Lift", &[Scope::Hold]),
    entry("/lazaret.v1.Holds/List", &[Scope::Hold, Scope::Delete, Scope::Audit, Scope::Admin]),
    entry("/lazaret.v1.Deletion/Certificate", &[Scope::Delete, Scope::Audit]),
    entry("/lazaret.v1.Deletion/Verify", &[Scope::Delete, Scope::Audit]),
    entry("/lazaret.v1.Ledger/Verify", &[Scope::Audit]),
    entry("/lazaret.v1.Ledger/Evidence", &[Scope::Audit]),
    entry("/lazaret.v1.Backup/Begin", &[Scope::Admin]),
    entry("/lazaret.v1.Backup/Keys", &[Scope::Admin]),
    entry("/lazaret.v1.Backup/List", &[Scope::Admin]),
    entry("/lazaret.v1.Backup/Fetch", &[Scope::Admin]),
    entry("/lazaret.v1.Backup/Finish", &[Scope::Admin]),
    entry("/lazaret.v1.Appliance/Status", &[Scope::Admin, Scope::Audit]),
    entry("/lazaret.v1.Appliance/Doctor", &[Scope::Admin]),
    entry("/lazaret.v1.Appliance/Reload", &[Scope::Admin]),
    entry("/lazaret.v1.Appliance/RebuildIndex", &[Scope::Admin]),
    entry("/lazaret.v1.Appliance/Balance", &[Scope::Audit, Scope::Admin]),
    // Names of files are PHI: for auditors, and for those who may read originals.
    entry("/lazaret.v1.Appliance/Vanished", &[Scope::Audit, Scope::ReadOriginal]),
    entry("/lazaret.v1.Keys/Status", &[Scope::Admin, Scope::Audit]),
    entry("/lazaret.v1.Keys/Rotate", &[Scope::Admin]),
    entry("/lazaret.v1.Keys/Unseal", &[Scope::Admin]),
];

/// What is answered while the appliance is sealed; every other call hears that it is.
pub(crate) const WHILE_SEALED: &[&str] = &[
    "/lazaret.v1.Documents/Submit",
    "/lazaret.v1.Documents/Progress",
    "/lazaret.v1.Appliance/Status",
    "/lazaret.v1.Keys/Status",
    "/lazaret.v1.Keys/Unseal",
];

/// The scopes of which one lets a caller in; none for a path that is no RPC.
pub(crate) fn scopes_for(path: &str) -> Option<&'static [Scope]> {
    TABLE.iter().find(|entry| entry.rpc == path).map(|entry| entry.any_of)
}

const fn entry(rpc: &'static str, any_of: &'static [Scope]) -> Entry {
    Entry { rpc, any_of }
}

const _: () = every_rpc_is_in_the_table();

const fn every_rpc_is_in_the_table() {
    assert!(TABLE.len() == api::RPCS.len(), "the table has an entry that is no RPC, or one twice");
    let mut i = 0;
    while i < api::RPCS.len() {
        let mut found = false;
        let mut j = 0;
        while j < TABLE.len() {
            found |= same(api::RPCS[i], TABLE[j].rpc);
            assert!(!TABLE[j].any_of.is_empty(), "an RPC without a scope could be called by nobody");
            j += 1;
        }
        assert!(found, "an RPC of the proto file is missing from the table of scopes");
        i += 1;
    }
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doors_of(scope: Scope) -> Vec<&'static str> {
        let opens = |entry: &&Entry| entry.any_of.contains(&scope);
        TABLE.iter().filter(opens).map(|entry| entry.rpc.trim_start_matches("/lazaret.v1.")).collect()
    }

    #[test]
    fn what_is_not_an_rpc_is_nobodys() {
        assert!(scopes_for("/lazaret.v1.Documents/Delete").is_none());
        assert!(scopes_for("/lazaret.v1.Documents/Get/").is_none());
        assert!(scopes_for("").is_none());
    }

    #[test]
    fn admin_audit_and_read_original_do_not_imply_each_other() {
        // B31: scopes `document:upload`, `document:read:redacted`, `document:read:original`, ...
        let content = ["Words", "GetText", "GetOriginal", "GetRedacted"];
        for scope in [Scope::Admin, Scope::Audit] {
            for rpc in doors_of(scope) {
                assert!(!content.iter().any(|name| rpc.ends_with(name)), "{scope} opens {rpc}");
            }
        }
        assert!(!doors_of(Scope::Admin).contains(&"Ledger/Verify"));
        assert!(!doors_of(Scope::ReadOriginal).contains(&"Ledger/Verify"));
        assert!(!doors_of(Scope::ReadRedacted).contains(&"Documents/GetOriginal"));
        assert!(!doors_of(Scope::ReadOriginal).contains(&"Appliance/Reload"));
    }

    #[test]
    fn each_scope_opens_exactly_these_doors() {
        // A41: "least privilege". A change here is a change of what a certificate is worth.
        assert_eq!(doors_of(Scope::Upload), ["Documents/Submit", "Documents/Progress"]);
        assert_eq!(doors_of(Scope::Reprocess), ["Documents/Release"]);
        let deletion = ["Holds/List", "Deletion/Certificate", "Deletion/Verify"];
        assert_eq!(doors_of(Scope::Delete), [&["Retention/Due", "Retention/Run"][..], &deletion].concat());
        let see = ["Documents/List", "Documents/Get", "Documents/Progress"];
        let more = |these: &[&'static str]| [&see[..], these].concat();
        let redacted = more(&["Documents/Redactions", "Documents/GetRedacted", "Routes/List"]);
        assert_eq!(doors_of(Scope::ReadRedacted), redacted);
        let original =
            ["Documents/Words", "Documents/Redactions", "Documents/GetText", "Documents/GetOriginal"];
        let rest = ["Routes/List", "Appliance/Vanished"];
        assert_eq!(doors_of(Scope::ReadOriginal), [&more(&original)[..], &rest].concat());
        let hold = ["Documents/PlaceHold", "Documents/LiftHold", "Routes/List"];
        let hold = [&more(&hold)[..], &["Holds/Place", "Holds/Lift", "Holds/List"]].concat();
        assert_eq!(doors_of(Scope::Hold), hold);
        let route = more(&["Documents/Explain", "Routes/List", "Routes/Reroute"]);
        assert_eq!(doors_of(Scope::Route), route);
    }
}
