//! The doctor proves what the appliance claims, now: it does not repeat what was true at start.

use crate::{
    checkpoints,
    desk::Desk,
    mark::Trust,
    refusal::Refusal,
    sweep, undelivered,
    view::{Check, Code, LedgerReport, Refused},
    watch::Folder,
};
use std::sync::Arc;

/// Days after which keys should be replaced.
const KEY_AGE_DAYS_MAX: u64 = 366;

pub(crate) async fn doctor(desk: &Arc<Desk>, folders: &[Arc<Folder>]) -> Vec<Check> {
    let folders = folders.to_vec();
    let looked = desk.blocking(move |desk| Ok(look(desk, &folders))).await;
    looked.unwrap_or_else(|_| {
        vec![Check { name: "doctor", ok: false, detail: "could not run; see the journal".to_owned() }]
    })
}

fn look(desk: &Desk, folders: &[Arc<Folder>]) -> Vec<Check> {
    let mut checks = vec![
        sandbox_check(desk),
        space_check(desk),
        keys_check(desk),
        keyless_check(desk),
        swap_check(desk),
        ledger_check(desk),
        mark_check(desk),
        checkpoints_check(desk),
        index_check(desk),
        clock_check(desk),
    ];
    checks.extend(folders.iter().map(|folder| inbox_check(folder)));
    checks.extend(route_checks(desk));
    checks.push(undelivered::check(desk));
    checks.push(Check {
        name: "opt-outs",
        ok: !desk.settings.sandbox.allow_degraded,
        detail: if desk.settings.sandbox.allow_degraded {
            "sandbox.allow-degraded is set: take it out as soon as the kernel has Landlock".to_owned()
        } else {
            "none".to_owned()
        },
    });
    checks
}

fn sandbox_check(desk: &Desk) -> Check {
    match sandbox::prove(desk.workers.launcher()) {
        Ok(proof) => Check {
            name: "sandbox",
            ok: proof.landlock_full,
            detail: format!(
                "a probe worker that opened a file died by SIGSYS; landlock ABI {}, seccomp profile {}",
                proof.landlock_abi, proof.seccomp
            ),
        },
        Err(error) => Check { name: "sandbox", ok: false, detail: format!("{error}") },
    }
}

fn space_check(desk: &Desk) -> Check {
    let (free, floor) = (desk.free_bytes(), desk.settings.space.floor_bytes);
    let (held, wanted) = (desk.ballast.held_bytes(), desk.ballast.bytes());
    let what = if desk.ballast.is_released() {
        "the ballast was given up, nothing is taken in until there is room for it again"
    } else if free < floor {
        "nothing is taken in until space is freed"
    } else if held < wanted {
        "no room for the ballast, which is made as soon as there is"
    } else {
        "above the floor"
    };
    let detail = format!("{free} bytes free, floor {floor}, ballast {held} of {wanted}: {what}");
    Check { name: "disk", ok: free >= floor && held == wanted, detail }
}

fn keys_check(desk: &Desk) -> Check {
    let status = desk.vault.status();
    let days = desk.now().since(status.root_made) / crate::retain::DAY_MS;
    let ok = days <= KEY_AGE_DAYS_MAX;
    let what = if ok { "" } else { "; replace them with lazaretctl key rotate" };
    let detail = format!(
        "keystore generation {}, {} document keys, rotated {days} days ago{what}",
        status.generation, status.documents
    );
    Check { name: "keys", ok, detail }
}

fn keyless_check(desk: &Desk) -> Check {
    let (ok, detail) = match sweep::keyless(&desk.vault, |doc| desk.store.peek(doc).map_err(Refusal::from)) {
        Ok(0) => (true, "every sealed document has its key".to_owned()),
        Ok(count) => (
            false,
            format!(
                "{count} documents have ciphertext and no key: an older keystore was put back. Nothing of them is \
                 removed; put the newest keystore back, or restore the newest backup: see docs/guide/incidents.md"
            ),
        ),
        Err(refusal) => (false, format!("could not be looked at: {refusal}; see the journal")),
    };
    Check { name: "sealed documents", ok, detail }
}

fn swap_check(desk: &Desk) -> Check {
    let detail = if desk.clear_swap {
        "memory may be swapped to a disk in clear: encrypt the swap, then take out keys.allow-swap"
    } else {
        "memory is never swapped to a disk in clear, and never dumped"
    };
    Check { name: "swap", ok: !desk.clear_swap, detail: detail.to_owned() }
}

fn ledger_check(desk: &Desk) -> Check {
    match ledger::verify(&desk.settings.paths.state_dir.join(crate::opening::LEDGER_DIR)) {
        Ok(report) => {
            let behind = report.records.saturating_sub(desk.store.applied_seq());
            Check {
                name: "ledger",
                ok: true,
                detail: format!("{} records hold together; index {behind} behind", report.records),
            }
        }
        Err(damage) => Check { name: "ledger", ok: false, detail: format!("{damage}") },
    }
}

fn checkpoints_check(desk: &Desk) -> Check {
    let records = desk.store.applied_seq();
    let (ok, detail) = match desk.checkpoints.last() {
        None => (false, "none was signed yet; see the journal".to_owned()),
        Some((mark, at)) => {
            let (number, new) = (desk.vault.checkpoint_keys().number, records.saturating_sub(mark.size));
            let is_late = new > 0 && desk.now().since(at) > checkpoints::LATE_MS;
            let what = if is_late { ": late, see the journal" } else { "" };
            let spool = desk.checkpoints.spool_fault();
            let ok = !is_late && spool.is_none();
            let spool = spool.map(|fault| format!("; {fault}")).unwrap_or_default();
            (ok, format!("the last, at {at} with key {number}, covers all but {new} records{what}{spool}"))
        }
    };
    Check { name: "checkpoints", ok, detail }
}

fn mark_check(desk: &Desk) -> Check {
    let ok = desk.trust() != Trust::RolledBack;
    let detail = if ok {
        "holds what it held when the mark beside it was written"
    } else {
        "is older than the mark beside it: an old copy was put back and nothing is swept; put the right one back, or \
         remove ledger-mark from the state directory if this is meant"
    };
    Check { name: "ledger mark", ok, detail: detail.to_owned() }
}

fn index_check(desk: &Desk) -> Check {
    match desk.store.counts() {
        Ok(counts) => {
            Check { name: "index", ok: true, detail: format!("{} documents", counts.values().sum::<u64>()) }
        }
        Err(error) => {
            Check { name: "index", ok: false, detail: format!("{error}; run lazaretctl store rebuild") }
        }
    }
}

fn clock_check(desk: &Desk) -> Check {
    let differs = desk.clock.differs_by_ms();
    let detail = match differs {
        None => "agrees with the time that passed".to_owned(),
        Some(ms) => format!(
            "{} s off the time that passed: nothing is destroyed; set the clock, or say that it is right with \
             lazaretctl retention run --clock-is-right",
            ms / 1000
        ),
    };
    Check { name: "clock", ok: differs.is_none(), detail }
}

fn inbox_check(folder: &Folder) -> Check {
    match folder.with(|inbox| inbox.waiting()) {
        Ok(waiting) => {
            Check { name: "inbox", ok: true, detail: format!("{}: {waiting} files waiting", folder.source) }
        }
        Err(error) => Check { name: "inbox", ok: false, detail: format!("{}: {error}", folder.source) },
    }
}

fn route_checks(desk: &Desk) -> Vec<Check> {
    let policy = desk.policy.load();
    let check = |route: &policy::Route| {
        let ok = desk.settings.paths.outbox_dir.join(&route.folder).is_dir();
        let what = if ok { "there" } else { "missing: create it, deliveries wait" };
        Check { name: "route", ok, detail: format!("{}: its folder is {what}", route.name) }
    };
    policy.routes().iter().map(check).collect()
}

/// Reads the whole ledger and checks its chain.
pub(crate) async fn ledger_verify(desk: &Arc<Desk>) -> Result<LedgerReport, Refused> {
    let dir = desk.settings.paths.state_dir.join(crate::opening::LEDGER_DIR);
    let verified = tokio::task::spawn_blocking(move || ledger::verify(&dir)).await;
    match verified {
        Ok(Ok(report)) => {
            Ok(LedgerReport { records: report.records, segments: report.segments, tip: report.tip })
        }
        Ok(Err(damage)) => Err(Refused::new(Code::Conflict, format!("{damage}"))),
        Err(_) => Err(Refused::new(Code::Internal, "the verifier could not run; see the journal")),
    }
}
