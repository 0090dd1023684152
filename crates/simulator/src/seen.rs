//! The proof of no duplicates: every openid + client_msg_id that was ever accepted, in 20 bytes each; and the
//! contents of the last minute, for 40241.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::fingerprint::{Identity, Key96};

/// WeChat sends the same openid + client_msg_id once in 10 minutes (official page of sendTemplateMessage).
const WINDOW_TENTHS: u64 = 6_000;
/// The same content to the same openid is refused for so long (40241, reported live).
const SAME_CONTENT_TENTHS: u32 = 600;
/// So that a map that grows holds up a sixty-fourth of the sends, not all of them.
const SHARDS: usize = 64;

const SERIAL_BITS: u32 = 35;
const SERIAL_MASK: u64 = (1 << SERIAL_BITS) - 1;
const HELD_BIT: u32 = 63;

/// When and as which serial number a message was accepted last, in 64 bits: 28 bits of tenths of a second since the
/// simulator started (310 days), 35 bits of serial number (34 billion), one bit for "held for review".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct First(u64);

impl First {
    fn new(tenths: u64, acceptance: Acceptance) -> First {
        let held = u64::from(acceptance.standing == Standing::Held);
        First(held << HELD_BIT | (tenths & 0x0fff_ffff) << SERIAL_BITS | acceptance.serial & SERIAL_MASK)
    }

    fn tenths(self) -> u64 {
        self.0 >> SERIAL_BITS & 0x0fff_ffff
    }

    fn acceptance(self) -> Acceptance {
        let standing = if self.0 >> HELD_BIT == 1 { Standing::Held } else { Standing::Accepted };
        Acceptance { serial: self.0 & SERIAL_MASK, standing }
    }

    fn seen_at(self, at_ms: u64) -> Seen {
        if (at_ms / 100).saturating_sub(self.tenths()) < WINDOW_TENTHS {
            return Seen::Within(self.acceptance());
        }
        Seen::Before
    }

    fn halves(self) -> [u32; 2] {
        [self.0 as u32, (self.0 >> 32) as u32]
    }

    fn from_halves([low, high]: [u32; 2]) -> First {
        First(u64::from(low) | u64::from(high) << 32)
    }
}

/// How a message was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acceptance {
    pub(crate) serial: u64,
    pub(crate) standing: Standing,
}

/// Whether a message went on its way at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Accepted,
    Held,
}

/// What a send is, by its openid + client_msg_id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Never accepted before.
    Never,
    /// Accepted within 10 minutes: not to be delivered again.
    Within(Acceptance),
    /// Accepted, but longer ago than WeChat remembers: it is delivered a second time.
    Before,
}

/// Every openid + client_msg_id, ever.
pub(crate) struct Ids {
    shards: Vec<Mutex<HashMap<Key96, [u32; 2], Identity>>>,
}

impl Ids {
    pub(crate) fn new() -> Ids {
        Ids { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// What a send with this id would be.
    pub(crate) fn look(&self, key: Key96, at_ms: u64) -> Seen {
        let shard = self.shards[key[0] as usize % SHARDS].lock();
        shard.get(&key).map_or(Seen::Never, |known| First::from_halves(*known).seen_at(at_ms))
    }

    /// Takes the id in, unless it came within 10 minutes; `at_ms` counts from the simulator's start.
    pub(crate) fn take(&self, key: Key96, acceptance: Acceptance, at_ms: u64) -> Seen {
        let fresh = First::new(at_ms / 100, acceptance);
        let mut shard = self.shards[key[0] as usize % SHARDS].lock();
        let Some(known) = shard.get_mut(&key) else {
            shard.insert(key, fresh.halves());
            return Seen::Never;
        };
        let seen = First::from_halves(*known).seen_at(at_ms);
        if seen == Seen::Before {
            *known = fresh.halves();
        }
        seen
    }
}

/// What a map of 2^14 buckets takes: 900,000 contents a generation over all shards, 35 MB for both. Beyond 15,000
/// different sends a second the minute shrinks; at that rate nobody looks for 40241.
const GENERATION_AT_MOST: usize = 14_336;

/// When a content came last, and with which client_msg_id (0 for none).
type Contents = HashMap<[u32; 2], [u32; 2], Identity>;

/// Two generations of contents, each of a minute at most: what is older is gone with its generation.
#[derive(Default)]
struct Generations {
    began_at: u32,
    current: Contents,
    former: Contents,
}

/// Contents of the last minute, each with its openid.
pub(crate) struct RecentContents {
    shards: Vec<Mutex<Generations>>,
}

impl RecentContents {
    pub(crate) fn new() -> RecentContents {
        RecentContents { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// Whether the same content came within 60 s with another id, or without one; if not, it counts from now.
    pub(crate) fn came_before(&self, content: u64, id: Option<Key96>, at_ms: u64) -> bool {
        let tenths = u32::try_from(at_ms / 100).unwrap_or(u32::MAX);
        let key = [content as u32, (content >> 32) as u32];
        let mut shard = self.shards[content as usize % SHARDS].lock();
        let is_over = tenths.saturating_sub(shard.began_at) >= SAME_CONTENT_TENTHS;
        if is_over || shard.current.len() >= GENERATION_AT_MOST {
            shard.began_at = tenths;
            shard.former = std::mem::take(&mut shard.current);
        }
        let last = shard.current.get(&key).or_else(|| shard.former.get(&key));
        let id = id.map_or(0, |id| id[2] | 1);
        let is_another = |last: u32| last != id || id == 0;
        if last.is_some_and(|[at, by]| tenths.saturating_sub(*at) < SAME_CONTENT_TENTHS && is_another(*by)) {
            return true;
        }
        shard.current.insert(key, [tenths, id]);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::mix;
    use crate::fingerprint::wide_of;

    fn accepted(serial: u64) -> Acceptance {
        Acceptance { serial, standing: Standing::Accepted }
    }

    #[test]
    fn an_id_is_remembered_for_ten_minutes_and_known_for_ever() {
        let ids = Ids::new();
        let key = wide_of(&["wx", "o1", "m1"]);

        assert_eq!(ids.take(key, accepted(1), 0), Seen::Never);
        assert_eq!(ids.take(key, accepted(2), 599_999), Seen::Within(accepted(1)));
        assert_eq!(ids.take(key, accepted(3), 600_000), Seen::Before);
        assert_eq!(ids.take(key, accepted(4), 600_001), Seen::Within(accepted(3)));
        assert_eq!(ids.take(key, accepted(5), 30 * 86_400_000), Seen::Before);
    }

    #[test]
    fn what_is_held_is_remembered_as_held() {
        let ids = Ids::new();
        let key = wide_of(&["wx", "o1", "m1"]);
        let held = Acceptance { serial: 9, standing: Standing::Held };

        ids.take(key, held, 100);

        assert_eq!(ids.take(key, accepted(10), 200), Seen::Within(held));
    }

    #[test]
    fn the_same_content_is_known_for_sixty_seconds() {
        let contents = RecentContents::new();

        assert!(!contents.came_before(7, None, 50_000));
        assert!(contents.came_before(7, None, 109_999));
        assert!(!contents.came_before(8, None, 109_999));
        assert!(!contents.came_before(7, None, 110_000));
    }

    #[test]
    fn the_same_content_with_the_same_id_is_a_retry_and_not_refused() {
        let (contents, id) = (RecentContents::new(), wide_of(&["m1"]));

        contents.came_before(7, Some(id), 0);

        assert!(!contents.came_before(7, Some(id), 1_000));
        assert!(contents.came_before(7, Some(wide_of(&["m2"])), 2_000));
        assert!(contents.came_before(7, None, 3_000));
    }

    #[test]
    fn contents_are_bounded() {
        let contents = RecentContents::new();

        for n in 0..GENERATION_AT_MOST as u64 * 3 {
            contents.came_before(mix(n) / 64 * 64, None, 0);
        }

        let shard = contents.shards[0].lock();
        assert_eq!(shard.current.len() + shard.former.len(), 2 * GENERATION_AT_MOST);
    }
}
