//! How fast a scanner is: 200,000 made-up words against the 1,000 honest notices, on one core.
//!
//! `cargo run --release -p hongyan-content --example scan_speed [WORDS [mixed]]`

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use hongyan_content::{
    Options, Pinyin, Scanner, Severity, Splits, Verdict, Word, WordCategory, WordList, check,
};
use hongyan_domain::Category;

const ORDINARY: &str = include_str!("../tests/data/ordinary.txt");
const ROUNDS: usize = 300;
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64: the same words every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(SEED);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % bound as u64) as usize
    }
}

/// Words of 2 to 8 characters, half of them drawn from the characters that the notices use: those keep the automaton busy.
fn made_up(count: usize) -> WordList {
    let chance = &mut Chance(SEED);
    let mut near: Vec<char> = ORDINARY.chars().filter(|c| ('\u{4E00}'..'\u{9FA6}').contains(c)).collect();
    near.sort_unstable();
    near.dedup();
    let mut list = WordList::starter();
    let mut seen = std::collections::HashSet::new();
    while list.words.len() < count {
        let length = [2, 3, 3, 4, 4, 5, 6, 8][chance.below(8)];
        let is_near = chance.below(2) == 0;
        let mut character = || match is_near {
            true => near[chance.below(near.len())],
            false => char::from_u32(0x4E00 + chance.below(6000) as u32).unwrap_or('一'),
        };
        let text: String = (0..length).map(|_| character()).collect();
        if seen.insert(text.clone()) {
            let (category, severity) = (WordCategory::Custom, Severity::Hold);
            list.words.push(Word { text: Arc::from(text), category, severity });
        }
    }
    list
}

/// Of the notices, those that the starter list would not let go.
fn alarms(pinyin: Pinyin) -> usize {
    let options = Options { pinyin, splits: Splits::On };
    let scanner = Scanner::build(&WordList::starter(), options).expect("the starter list can be built");
    let verdict = |line| check(&scanner, &[("", line)], "", Category::Service).verdict;
    ORDINARY.lines().filter(|line| verdict(line) != Verdict::Pass).count()
}

/// Median and best time of a message in microseconds, over all rounds.
fn timed(notices: usize, mut round: impl FnMut() -> usize) -> (f64, f64) {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(round());
            start.elapsed().as_secs_f64() * 1e6 / notices as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[ROUNDS / 2], times[0])
}

/// A notice as five labelled lines.
fn as_message(notice: &str) -> Vec<(&'static str, String)> {
    let characters: Vec<char> = notice.chars().collect();
    let labels = ["订单编号", "商品名称", "支付金额", "下单时间", "备注"];
    let lines = characters.chunks(characters.len().div_ceil(labels.len()));
    labels.into_iter().zip(lines.map(|line| line.iter().collect())).collect()
}

fn main() {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(200_000);
    let pinyin =
        if std::env::args().nth(2).as_deref() == Some("mixed") { Pinyin::Mixed } else { Pinyin::Off };
    let list = made_up(count);
    let notices: Vec<&str> = ORDINARY.lines().collect();
    let characters: usize = notices.iter().map(|notice| notice.chars().count()).sum();

    let start = Instant::now();
    let options = Options { pinyin, splits: Splits::On };
    let scanner = Scanner::build(&list, options).expect("made-up words are long enough");
    let build = start.elapsed();

    let hits: usize = notices.iter().map(|notice| scanner.scan(notice).len()).sum();
    let (scan, best) =
        timed(notices.len(), || notices.iter().map(|notice| scanner.scan(black_box(notice)).len()).sum());
    let messages: Vec<_> = notices.iter().map(|notice| as_message(notice)).collect();
    let borrowed: Vec<Vec<(&str, &str)>> = messages
        .iter()
        .map(|lines| lines.iter().map(|(label, value)| (*label, value.as_str())).collect())
        .collect();
    let checked = |lines: &Vec<_>| {
        check(&scanner, black_box(lines), "订单支付成功通知", Category::Service).findings.len()
    };
    let (check, _) = timed(notices.len(), || borrowed.iter().map(checked).sum());

    println!("words            {} as {scanner:?}", scanner.word_count());
    println!("build            {:.0} ms", build.as_secs_f64() * 1e3);
    println!("memory           {:.1} MiB", scanner.heap_bytes() as f64 / f64::from(1 << 20));
    println!("characters       {:.1} a message", characters as f64 / notices.len() as f64);
    println!("hits             {hits} in {} messages", notices.len());
    println!(
        "scan             {:.0} messages/s ({scan:.2} µs median of {ROUNDS} rounds, {best:.2} best)",
        1e6 / scan
    );
    println!("check, 5 fields  {:.0} messages/s ({check:.2} µs; title and labels too)", 1e6 / check);
    println!("false alarms     {} of {} by the starter list", alarms(Pinyin::Off), notices.len());
    println!("                 {} with mixed pinyin", alarms(Pinyin::Mixed));
}
