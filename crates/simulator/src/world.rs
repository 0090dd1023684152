//! Everything the simulator knows, in one value that all its parts share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::account::Account;
use crate::chance::Chance;
use crate::counters::Counters;
use crate::faults::{Faults, PlanAtWork};
use crate::journal::Journal;
use crate::outbox::Outbox;
use crate::pump::Hosts;
use crate::rids::Rids;
use crate::seen::{Ids, RecentContents};
use crate::settings::{MsgidForm, Settings};
use crate::tokens::Tokens;

/// The state of one simulator.
pub(crate) struct World {
    pub(crate) chance: Chance,
    pub(crate) accounts: RwLock<HashMap<Box<str>, Arc<Account>>>,
    pub(crate) tokens: Tokens,
    pub(crate) ids: Ids,
    pub(crate) contents: RecentContents,
    pub(crate) journal: Journal,
    pub(crate) rids: Rids,
    pub(crate) counters: Counters,
    pub(crate) outbox: Outbox,
    pub(crate) hosts: Hosts,
    pub(crate) receipts: PlanAtWork,
    pub(crate) faults_of_all: RwLock<Option<Arc<Faults>>>,
    /// Whether any fault is set at all, so that the usual case costs one load.
    pub(crate) any_faults: AtomicBool,
    serials: AtomicU64,
    started_at_ms: i64,
    first_msgid: u64,
    pub(crate) settings: Settings,
}

/// The faults that hold for one account: its own before those of all.
#[derive(Clone, Default)]
pub(crate) struct ActiveFaults([Option<Arc<Faults>>; 2]);

impl ActiveFaults {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Faults> {
        self.0.iter().flatten().map(|faults| &**faults)
    }
}

impl World {
    pub(crate) fn new(settings: Settings) -> World {
        let started_at_ms = settings.clock.now_ms();
        World {
            chance: Chance::new(settings.seed),
            accounts: RwLock::default(),
            tokens: Tokens::default(),
            ids: Ids::new(),
            contents: RecentContents::new(),
            journal: Journal::new(settings.details),
            rids: Rids::default(),
            counters: Counters::default(),
            outbox: Outbox::default(),
            hosts: Hosts::default(),
            receipts: PlanAtWork::new(&settings.receipts),
            faults_of_all: RwLock::default(),
            any_faults: AtomicBool::new(false),
            serials: AtomicU64::new(0),
            started_at_ms,
            first_msgid: first_msgid(settings.msgids, started_at_ms.unsigned_abs()),
            settings,
        }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.settings.clock.now_ms()
    }

    /// Milliseconds since the simulator started, for what is kept in few bits.
    pub(crate) fn age_ms(&self, now_ms: i64) -> u64 {
        u64::try_from(now_ms - self.started_at_ms).unwrap_or(0)
    }

    pub(crate) fn account(&self, appid: &str) -> Option<Arc<Account>> {
        self.accounts.read().get(appid).cloned()
    }

    pub(crate) fn next_serial(&self) -> u64 {
        self.serials.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn msgid_of(&self, serial: u64) -> u64 {
        self.first_msgid + serial
    }

    pub(crate) fn faults_for(&self, account: &Account) -> ActiveFaults {
        if !self.any_faults.load(Ordering::Relaxed) {
            return ActiveFaults::default();
        }
        ActiveFaults([account.faults.read().clone(), self.faults_of_all.read().clone()])
    }
}

/// Msgids go on from the start time, so that a simulator started anew does not hand out the same again.
fn first_msgid(form: MsgidForm, started_at_ms: u64) -> u64 {
    match form {
        // 19 digits for the next centuries; room for a million sends a millisecond.
        MsgidForm::Long => 2_000_000_000_000_000_000 + (started_at_ms % 5_000_000_000_000) * 1_000_000,
        // Below 2^53 until the year 2248; room for a thousand sends a millisecond.
        MsgidForm::Short => (started_at_ms % 8_796_093_022_208) * 1_024,
    }
}
