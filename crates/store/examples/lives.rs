//! How many messages live through the store in a second, and what one costs in CPU.
//!
//! `cargo run --release -p hongyan-store --example lives -- [messages=200000] [finished=0] [accounts=1] [batch=1000]
//! [tasks=4] [process=0] [dir=/tmp/lives] [names=none|counted|scattered]`. With `finished=10000000` it first puts so many delivered messages into the
//! file (once: a file that has them is used again, with another `process`, which numbers the ids).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use hongyan_domain::id::MessageIds;
use hongyan_domain::policy::Policies;
use hongyan_domain::{
    AccountId, AccountKind, Appid, Category, Content, DeliveryStatus, Lane, MessageId, OnUnknown, Openid,
    Standing, State, Timestamp, Transition,
};
use hongyan_store::{
    AccountDraft, Claim, ClaimId, Dispatch, MasterKey, NewMessage, Ready, Receipt, Result, Secret, Settings,
    Settlement, Store, TokenSource,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);
/// A body of the usual size: six fields.
const DATA: &str = r#"{"character_string1":{"value":"2026112300001234"},"thing2":{"value":"拿铁咖啡大杯少冰"},"amount3":{"value":"¥32.00"},"time4":{"value":"2026年11月23日 12:00"},"thing5":{"value":"人民广场店"},"phrase6":{"value":"已支付"}}"#;

struct Plan {
    messages: usize,
    finished: i64,
    accounts: usize,
    batch: usize,
    tasks: usize,
    process: u16,
    dir: PathBuf,
    names: String,
}

impl Plan {
    fn read() -> Self {
        let given: HashMap<String, String> = std::env::args()
            .skip(1)
            .filter_map(|arg| arg.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect();
        let number = |name: &str, default: usize| {
            given.get(name).map_or(default, |text| text.parse().expect("a number after the equals sign"))
        };
        let text = |name: &str, default: &str| given.get(name).map_or(default, String::as_str).to_owned();
        Self {
            messages: number("messages", 200_000),
            finished: i64::try_from(number("finished", 0)).expect("a number that fits"),
            accounts: number("accounts", 1),
            batch: number("batch", 1_000),
            tasks: number("tasks", 4),
            process: u16::try_from(number("process", 0)).expect("a small number"),
            dir: text("dir", "/tmp/lives").into(),
            names: text("names", "counted"),
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let plan = Plan::read();
    std::fs::create_dir_all(&plan.dir).expect("the folder can be made");
    let path = plan.dir.join(format!("lives-{}.db", plan.finished));
    if plan.finished == 0 {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(plan.dir.join(format!("lives-0.db{end}")));
        }
    }
    let key = MasterKey::generate(&mut StdRng::seed_from_u64(1));
    let store = Store::open(Settings::new(format!("sqlite:{}", path.display()), key), NOW).await?;
    let mut accounts = Vec::new();
    for number in 0..plan.accounts {
        accounts.push(store.put_account(draft(number), NOW).await?.id);
    }
    if plan.finished > 0 && store.last_message_id().await?.is_none() {
        fill(&path, plan.finished, accounts[0]).expect("the old rows go in");
    }
    live(&store, &plan, &accounts).await?;
    println!("resident {} MiB at most", peak_mib());
    Ok(())
}

fn draft(number: usize) -> AccountDraft {
    AccountDraft {
        appid: Appid::new(format!("wx{number}")).expect("a plain name"),
        name: format!("wx{number}"),
        kind: AccountKind::Service,
        verified: true,
        secret: Secret::new("s"),
        callback: None,
        limits: None,
        proxy: None,
        token_source: TokenSource::Stable,
        paused: None,
    }
}

const FILL: [&str; 4] = [
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
     INSERT INTO message (account, id, state, attempts, scheduled, lane, accepted_at, due_at, deadline_at, on_unknown,
       msgid, sent_at, settled_at, recipient, client_msg_id, body_hash, template_id, body)
     SELECT ?2, i << 22, 'delivered', 1, FALSE, 1, ?3 + i * 86400, ?3, ?3, 'park',
       i, ?3 + i * 86400, ?3 + i * 86400, randomblob(16), printf('old-%012d', i), randomblob(16), 'T1', randomblob(330)
     FROM n",
    "INSERT INTO dispatch (account, message, claim, claimed_at, at, outcome, errcode, msgid, took_ms)
     SELECT account, id, id, sent_at, sent_at, 'sent', 0, msgid, 7 FROM message WHERE ?1 > 0 AND account = ?2 AND ?3 > 0",
    "INSERT INTO receipt (account, msgid, recipient, told_at, status, created_at, received_at, message)
     SELECT account, msgid, recipient, 0, 'success', sent_at, sent_at, id FROM message WHERE ?1 > 0 AND account = ?2 AND ?3 > 0",
    "INSERT INTO tally (account, day, state, cause, count, kept)
     SELECT account, (accepted_at + 28800000) / 86400000, 'delivered', '', COUNT(*), COUNT(*)
     FROM message WHERE ?1 > 0 AND account = ?2 AND ?3 > 0 GROUP BY 1, 2",
];

/// Ten days of messages, one after the other, ending where the run begins.
fn fill(path: &Path, count: i64, account: AccountId) -> rusqlite::Result<()> {
    let started = Instant::now();
    let conn = rusqlite::Connection::open(path)?;
    conn.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;")?;
    let first = NOW.ms() - count * 86_400;
    for sql in FILL {
        conn.execute(sql, [count, account.0, first])?;
    }
    conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    println!("{count} finished messages put in: {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

async fn live(store: &Store, plan: &Plan, accounts: &[AccountId]) -> Result<()> {
    let last = store.last_message_id().await?;
    let mut ids = MessageIds::new(plan.process, last);
    let _owner = store.own(NOW).await?;
    // Each run in an hour of its own, or the later ones would find the recipients' page range of that hour full.
    let now = Timestamp::from_ms(NOW.ms() + i64::from(plan.process) * 3_600_000);
    let salt = ids.next(NOW).raw();
    let all: Vec<(AccountId, MessageId)> =
        (0..plan.messages).map(|i| (accounts[i % accounts.len()], ids.next(NOW))).collect();
    let batches: Vec<Vec<_>> = all.chunks(plan.batch).map(<[_]>::to_vec).collect();
    let claims: Vec<ClaimId> = batches.iter().map(|_| ClaimId(ids.next(NOW).raw())).collect();
    let work: Vec<(ClaimId, Vec<_>)> = claims.into_iter().zip(batches).collect();
    let names = match plan.names.as_str() {
        "none" => Names::None,
        "scattered" => Names::Scattered,
        _ => Names::Counted,
    };
    let accept = measure(plan, "accept", || {
        each(store, plan, &work, move |store, _, batch| async move {
            store
                .accept(batch.iter().map(|which| new(*which, names, (salt, now))).collect())
                .await
                .map(|_| ())
        })
    })
    .await?;
    let claim = measure(plan, "claim", || {
        each(store, plan, &work, |store, claim, batch| async move {
            let (messages, policies) = (ready(&batch), Policies::off());
            store.claim(&claims_of(claim, &messages, &policies)).await.map(|_| ())
        })
    })
    .await?;
    let settle = measure(plan, "settle", || {
        each(store, plan, &work, |store, claim, batch| async move {
            let (messages, policies) = (ready(&batch), Policies::off());
            let closed = claims_of(claim, &messages, &policies);
            let closed = closed.iter().map(|claim| (claim.account, claim.id)).collect();
            store.settle(batch.iter().map(|which| sent(*which, claim)).collect(), closed).await.map(|_| ())
        })
    })
    .await?;
    let receive = measure(plan, "receive", || {
        each(store, plan, &work, |store, _, batch| async move {
            store.receive(batch.iter().map(|which| receipt(*which)).collect()).await.map(|_| ())
        })
    })
    .await?;
    println!("accept + claim + settle {:.1} µs, receive {receive:.1} µs of CPU", accept + claim + settle);
    Ok(())
}

#[derive(Clone, Copy)]
enum Names {
    None,
    Counted,
    Scattered,
}

fn openid(id: MessageId) -> Openid {
    Openid::new(&format!("oABCDEFGHIJKLMN{}", id.client_msg_id())).expect("a plain name")
}

fn new((account, id): (AccountId, MessageId), names: Names, (salt, now): (i64, Timestamp)) -> NewMessage {
    NewMessage {
        account,
        id,
        client_msg_id: match names {
            Names::None => None,
            Names::Counted => Some(format!("order-{}-{}", salt, id.client_msg_id())),
            // Multiplying by an odd number scatters without repeating.
            Names::Scattered => {
                Some(format!("{:016x}", id.raw().wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed())))
            }
        },
        openid: openid(id),
        template_id: "ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY".into(),
        content: Content {
            url: Some("https://example.com/o/1234".to_owned()),
            miniprogram: None,
            data: DATA.into(),
        },
        lane: Lane::Normal,
        scenario: None,
        category: Category::Service,
        basis: None,
        verdicts: Vec::new(),
        accepted_at: now,
        due_at: now,
        deadline_at: Timestamp::from_ms(now.ms() + 60_000),
        expires_at: None,
        on_unknown: OnUnknown::Park,
        marks: Default::default(),
        in_memory: false,
        recipient: None,
        asking: None,
        ties: None,
        given: String::new(),
    }
}

/// A batch as the dispatcher holds it, account by account.
fn ready(batch: &[(AccountId, MessageId)]) -> Vec<Ready> {
    let mut messages: Vec<_> = batch.iter().map(|which| new(*which, Names::None, (0, NOW)).ready()).collect();
    messages.sort_by_key(|message| message.account);
    messages
}

fn claims_of<'a>(id: ClaimId, messages: &'a [Ready], policies: &'a Policies) -> Vec<Claim<'a>> {
    let of_one = messages.chunk_by(|a, b| a.account == b.account);
    of_one.map(|messages| Claim { account: messages[0].account, id, at: NOW, messages, policies }).collect()
}

fn sent((account, message): (AccountId, MessageId), claim: ClaimId) -> Settlement {
    let from =
        Standing { state: State::Claimed, attempts: 0, doubt_since: None, on_unknown: OnUnknown::Park };
    let to = Transition { to: State::Sent, cause: None, due_at: None, attempts: 1, doubt_since: None };
    let dispatch = Dispatch {
        claimed_at: NOW,
        outcome: "sent",
        errcode: Some(0),
        errmsg: None,
        rid: None,
        msgid: Some(message.raw().cast_unsigned()),
        took_ms: 7,
        paused_ms: None,
    };
    Settlement {
        account,
        message,
        from,
        to,
        claim: Some(claim),
        at: NOW,
        dispatch: Some(dispatch),
        refused: None,
        taken: None,
    }
}

fn receipt((account, message): (AccountId, MessageId)) -> Receipt {
    Receipt {
        account,
        openid: openid(message),
        msgid: Some(message.raw().cast_unsigned()),
        status: DeliveryStatus::Success,
        raw: String::new(),
        created_at: NOW,
        received_at: NOW,
    }
}

/// Runs `step` on every batch, `tasks` at a time.
async fn each<F, D>(
    store: &Store,
    plan: &Plan,
    work: &[(ClaimId, Vec<(AccountId, MessageId)>)],
    step: F,
) -> Result<()>
where
    F: Fn(Store, ClaimId, Vec<(AccountId, MessageId)>) -> D + Copy + Send + 'static,
    D: Future<Output = Result<()>> + Send,
{
    let mut tasks = tokio::task::JoinSet::new();
    for share in 0..plan.tasks {
        let mine: Vec<_> = work.iter().skip(share).step_by(plan.tasks).cloned().collect();
        let store = store.clone();
        tasks.spawn(async move {
            for (claim, batch) in mine {
                step(store.clone(), claim, batch).await?;
            }
            Ok(())
        });
    }
    tasks.join_all().await.into_iter().collect()
}

async fn measure<D: Future<Output = Result<()>>>(
    plan: &Plan,
    name: &str,
    run: impl FnOnce() -> D,
) -> Result<f64> {
    let (started, before) = (Instant::now(), cpu_s());
    run().await?;
    let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_s() - before);
    let messages = plan.messages as f64;
    println!("{name:8} {:9.0} /s  {:6.2} µs of CPU a message", messages / seconds, cpu * 1e6 / messages);
    Ok(cpu * 1e6 / messages)
}

/// User and system time of this process; the kernel counts them in hundredths of a second.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells");
    let (_, fields) = stat.rsplit_once(')').expect("the name ends so");
    fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<f64>().expect("a number") / 100.0)
        .sum()
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the line is there");
    peak.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}
