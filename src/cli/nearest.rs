//! The name that a person meant when they mistyped one.

/// Below this likeness a suggestion confuses more than it helps; clap draws the line here too.
const LIKENESS_LEAST: f64 = 0.7;

/// In words shorter than this one letter more or less makes another word.
const SLIP_LEN_MIN: usize = 3;

/// The most alike of `names`, if any is alike; in short ones a letter that is missing, one too many, another, or a pair the other
/// way round is enough.
pub(super) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::jaro(wanted, name), name))
        .filter(|(likeness, name)| {
            *likeness > LIKENESS_LEAST
                || wanted.len() >= SLIP_LEN_MIN && strsim::osa_distance(wanted, name) == 1
        })
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_mended_and_nonsense_is_not() {
        let names = ["wat", "rust", "zig"];
        assert_eq!(nearest("rsut", names), Some("rust"));
        assert_eq!(nearest("rust", names), Some("rust"));
        assert_eq!(nearest("zgi", names), Some("zig"));
        assert_eq!(nearest("python", names), None);
        assert_eq!(nearest("zg", names), None);
        assert_eq!(nearest("", names), None);
    }
}
