//! What the ledger is compared with: SQLite in WAL mode with `synchronous=FULL`, a table of (number, payload). Only
//! builds with the feature `peer` link it; the released program does not.

use crate::fail::Outcome;
use std::{path::Path, time::Duration};

/// Its name and version; none when this build has no peer.
pub(super) fn name() -> Option<String> {
    #[cfg(feature = "peer")]
    return Some(format!("SQLite {}, WAL, synchronous=FULL", rusqlite::version()));
    #[cfg(not(feature = "peer"))]
    None
}

/// Commits per second of so many writers, in a database of their own; none when this build has no peer.
#[cfg(not(feature = "peer"))]
pub(super) fn commits(
    _dir: &Path,
    _writers: usize,
    _records: usize,
    _payload: &[u8],
    _turn: Duration,
) -> Outcome<Option<f64>> {
    Ok(None)
}

/// Commits per second of so many writers, in a database of their own; none when this build has no peer.
#[cfg(feature = "peer")]
pub(super) fn commits(
    dir: &Path,
    writers: usize,
    records: usize,
    payload: &[u8],
    turn: Duration,
) -> Outcome<Option<f64>> {
    use crate::fail::{Exit, Failure};
    let failed = |error: rusqlite::Error| Failure::new(Exit::Failure, format!("SQLite: {error}"));
    std::fs::create_dir(dir).map_err(|error| Failure::file(dir, &error))?;
    let file = dir.join("peer.db");
    sqlite::open(&file).and_then(|database| sqlite::create(&database)).map_err(failed)?;
    let start = std::time::Instant::now();
    let done = std::thread::scope(|scope| {
        let writer = |_| scope.spawn(|| sqlite::write(&file, records, payload, start + turn));
        let writers: Vec<_> = (0..writers).map(writer).collect();
        writers.into_iter().map(|writer| writer.join().unwrap_or(Ok(0))).sum::<Result<usize, _>>()
    });
    Ok(Some(done.map_err(failed)? as f64 / start.elapsed().as_secs_f64()))
}

#[cfg(feature = "peer")]
mod sqlite {
    use rusqlite::{Connection, Result, TransactionBehavior};
    use std::{path::Path, time::Duration, time::Instant};

    /// Writers wait for each other so long at most.
    const BUSY: Duration = Duration::from_secs(60);

    pub(super) fn open(file: &Path) -> Result<Connection> {
        let database = Connection::open(file)?;
        database.busy_timeout(BUSY)?;
        database.pragma_update(None, "journal_mode", "WAL")?;
        database.pragma_update(None, "synchronous", "FULL")?;
        Ok(database)
    }

    pub(super) fn create(database: &Connection) -> Result<()> {
        database.execute_batch("CREATE TABLE log (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL)")
    }

    pub(super) fn write(file: &Path, records: usize, payload: &[u8], until: Instant) -> Result<usize> {
        let mut database = open(file)?;
        let mut commits = 0;
        while Instant::now() < until {
            let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
            {
                let mut insert = transaction.prepare_cached("INSERT INTO log (payload) VALUES (?1)")?;
                for _ in 0..records {
                    insert.execute([payload])?;
                }
            }
            transaction.commit()?;
            commits += 1;
        }
        Ok(commits)
    }
}
