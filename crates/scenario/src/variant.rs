//! Which wording of an A/B test a person gets: always the same one, and by its own dice in each scenario.

use crate::scenario::{Scenario, Variant};

/// The variant of the person whose keyed hash is `recipient`; none where the scenario has none, or all weigh nothing.
/// Changing the weights moves as few people as they say, all at the edges of the shares.
pub fn variant_of(scenario: &Scenario, recipient: u64) -> Option<&Variant> {
    let total: u64 = scenario.variants.iter().map(|variant| u64::from(variant.weight)).sum();
    let seed = scenario
        .name
        .as_str()
        .bytes()
        .fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
    let share = u128::from(mixed(recipient ^ seed)) * u128::from(total);
    let mut place = u64::try_from(share >> 64).ok()?;
    scenario.variants.iter().find(|variant| {
        let weight = u64::from(variant.weight);
        let is_here = place < weight;
        place = place.saturating_sub(weight);
        is_here
    })
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// The last step of SplitMix64: every bit depends on every other.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Name;

    fn scenario(name: &str, weights: &[u32]) -> Scenario {
        let json = format!(r#"{{"name":"{name}","title":"t","category":"service"}}"#);
        let mut scenario: Scenario = serde_json::from_str(&json).unwrap();
        let variant = |(place, &weight): (usize, &u32)| Variant {
            name: Name::new(&format!("v{place}")).unwrap(),
            weight,
            fields: Default::default(),
            link: None,
        };
        scenario.variants = weights.iter().enumerate().map(variant).collect();
        scenario
    }

    fn shares(scenario: &Scenario) -> Vec<usize> {
        let mut shares = vec![0; scenario.variants.len()];
        for recipient in 0..10_000 {
            let name = variant_of(scenario, recipient).unwrap().name.as_str().to_owned();
            shares[scenario.variants.iter().position(|variant| variant.name.as_str() == name).unwrap()] += 1;
        }
        shares
    }

    #[test]
    fn people_are_split_by_weight() {
        let shares = shares(&scenario("s", &[1, 0, 3]));

        assert!((2_300..2_700).contains(&shares[0]), "{shares:?}");
        assert_eq!(shares[1], 0);
    }

    #[test]
    fn a_person_always_gets_the_same_one_and_another_test_throws_its_own_dice() {
        let (one, other) = (scenario("one", &[1, 1]), scenario("other", &[1, 1]));

        let same =
            (0..10_000).filter(|&r| variant_of(&one, r).unwrap().name == variant_of(&other, r).unwrap().name);

        assert_eq!(variant_of(&one, 7), variant_of(&one, 7));
        assert!((4_700..5_300).contains(&same.count()));
    }

    #[test]
    fn without_variants_or_weight_there_is_none() {
        assert_eq!(variant_of(&scenario("s", &[]), 1), None);
        assert_eq!(variant_of(&scenario("s", &[0, 0]), u64::MAX), None);
    }
}
