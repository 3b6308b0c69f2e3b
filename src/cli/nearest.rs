//! The name that a person meant when they mistyped one.

/// Below this likeness a suggestion confuses more than it helps; clap draws the line here too.
const LIKENESS_LEAST: f64 = 0.7;

/// The most alike of `names`, if any is alike.
pub(super) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::jaro(wanted, name), name))
        .filter(|(likeness, _)| *likeness > LIKENESS_LEAST)
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
        assert_eq!(nearest("python", names), None);
        assert_eq!(nearest("", names), None);
    }
}
