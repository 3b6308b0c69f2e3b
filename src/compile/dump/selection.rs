//! Which functions are shown.

use super::DumpError;

/// Below this likeness a suggestion confuses more than it helps.
const LIKENESS_LEAST: f64 = 0.7;

/// Functions by name or index; none named means all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Names as in the module, or indices.
    pub wanted: Vec<String>,
}

impl Selection {
    /// Whether the function is wanted: by its name, its name as a person would write it, the end of that, or its index.
    pub(super) fn takes(&self, name: &str, index: Option<u32>) -> bool {
        self.wanted.is_empty()
            || self
                .wanted
                .iter()
                .any(|wanted| is_meant(wanted, name, index))
    }

    /// Makes sure that each wanted function is among `functions`.
    ///
    /// # Errors
    ///
    /// [`DumpError::NoFunction`].
    pub(super) fn check<'a>(
        &self,
        functions: impl Iterator<Item = (&'a str, Option<u32>)> + Clone,
    ) -> Result<(), DumpError> {
        for wanted in &self.wanted {
            let mut all = functions.clone();
            if !all.any(|(name, index)| is_meant(wanted, name, index)) {
                let nearest = functions
                    .clone()
                    .map(|(name, _)| plain(name))
                    .filter(|name| name.contains(wanted.as_str()))
                    .min_by_key(String::len)
                    .or_else(|| most_alike(wanted, functions.clone().map(|(name, _)| plain(name))));
                return Err(DumpError::NoFunction(wanted.clone(), nearest));
            }
        }
        Ok(())
    }
}

/// The name that was mistyped, perhaps.
fn most_alike(wanted: &str, names: impl Iterator<Item = String>) -> Option<String> {
    names
        .map(|name| (strsim::jaro(wanted, &name), name))
        .filter(|(likeness, _)| *likeness > LIKENESS_LEAST)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

fn is_meant(wanted: &str, name: &str, index: Option<u32>) -> bool {
    if wanted == name || index.is_some_and(|index| wanted == index.to_string()) {
        return true;
    }
    let plain = plain(name);
    let before = plain.strip_suffix(wanted);
    before.is_some_and(|before| before.is_empty() || before.ends_with("::"))
}

/// A name as a person would write it.
pub(super) fn plain(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

#[cfg(test)]
mod tests {
    use super::Selection;

    #[test]
    fn functions_are_meant_by_name_path_or_index() {
        let takes = |wanted: &str| {
            let wanted = vec![wanted.to_owned()];
            Selection { wanted }.takes("_ZN5hello4main17h0123456789abcdefE", Some(7))
        };
        for right in [
            "7",
            "main",
            "hello::main",
            "_ZN5hello4main17h0123456789abcdefE",
        ] {
            assert!(takes(right), "{right}");
        }
        for wrong in ["70", "ain", "hello", ""] {
            assert!(!takes(wrong), "{wrong}");
        }
        assert!(Selection::default().takes("f", None));
    }

    #[test]
    fn a_name_near_the_wanted_one_is_offered() {
        let nearest = |wanted: &str| {
            let wanted = vec![wanted.to_owned()];
            let functions = [("remainder", Some(0)), ("main", Some(1))];
            let selection = Selection { wanted };
            match selection.check(functions.into_iter()) {
                Err(super::DumpError::NoFunction(_, nearest)) => nearest,
                _ => panic!("a function that is not there was found"),
            }
        };
        assert_eq!(nearest("mai").as_deref(), Some("main"));
        assert_eq!(nearest("mian").as_deref(), Some("main"));
        assert_eq!(nearest("zzz"), None);
    }
}
