//! How fast a scanner is: 200,000 made-up words against the 1,000 honest notices, on one core.
//!
//! `cargo run --release -p hongyan-content --example scan_speed [WORDS]`

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

fn main() {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(200_000);
    let list = made_up(count);
    let notices: Vec<&str> = ORDINARY.lines().collect();
    let characters: usize = notices.iter().map(|notice| notice.chars().count()).sum();

    let start = Instant::now();
    let scanner = Scanner::build(&list, Options::default()).expect("made-up words are long enough");
    let build = start.elapsed();

    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        let hits: usize = notices.iter().map(|notice| scanner.scan(black_box(notice)).len()).sum();
        (start.elapsed(), hits)
    });
    let (mut times, hits): (Vec<_>, Vec<_>) = rounds.unzip();
    times.sort_unstable();
    let median = times[ROUNDS / 2].as_secs_f64();
    println!("words            {}", scanner.word_count());
    println!("build            {:.0} ms", build.as_secs_f64() * 1e3);
    println!("memory           {:.1} MiB", scanner.heap_bytes() as f64 / f64::from(1 << 20));
    println!("characters       {:.1} a message", characters as f64 / notices.len() as f64);
    println!("hits             {} in {} messages", hits[0], notices.len());
    println!("rate             {:.0} messages/s (median of {ROUNDS} rounds)", notices.len() as f64 / median);
    println!("a message        {:.2} µs median, {:.2} µs best", median * 1e3, times[0].as_secs_f64() * 1e3);
    println!("false alarms     {} of {} by the starter list", alarms(Pinyin::Off), notices.len());
    println!("                 {} with mixed pinyin", alarms(Pinyin::Mixed));
}
