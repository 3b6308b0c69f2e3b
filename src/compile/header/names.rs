//! Identifiers of C for names that may be anything.

use std::collections::HashSet;

/// How identifiers begin that are not for imports.
const RESERVED_PREFIXES: [&str; 2] = ["_", "mewz_"];

/// Keywords and types that have an underscore inside: others can't be made of two names.
#[rustfmt::skip]
const KEYWORDS: [&str; 12] = [
    "and_eq", "char16_t", "char32_t", "const_cast", "dynamic_cast", "not_eq", "or_eq",
    "reinterpret_cast", "static_assert", "static_cast", "thread_local", "xor_eq",
];

/// The identifiers of one header, each different from the others.
#[derive(Default)]
pub(super) struct Identifiers {
    taken: HashSet<String>,
}

impl Identifiers {
    /// `module_field`, as far as C lets it be.
    pub(super) fn import(&mut self, module: &str, field: &str) -> String {
        let name = identifier(&format!("{module}_{field}"));
        let is_reserved = name.starts_with(|c: char| c.is_ascii_digit())
            || RESERVED_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix))
            || KEYWORDS.contains(&name.as_str());
        self.take(match is_reserved {
            true => format!("import_{name}"),
            false => name,
        })
    }

    /// `mewz_export_name`.
    pub(super) fn export(&mut self, name: &str) -> String {
        self.take(format!("mewz_export_{}", identifier(name)))
    }

    /// `name`, with a number behind it where it is taken.
    fn take(&mut self, name: String) -> String {
        let numbered = (2_u32..).map(|number| format!("{name}_{number}"));
        let mut free = std::iter::once(name.clone())
            .chain(numbered)
            .filter(|name| !self.taken.contains(name));
        let name = free.next().expect("there are numbers without end");
        self.taken.insert(name.clone());
        name
    }
}

fn identifier(name: &str) -> String {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars()
        .map(|c| if is_fit(c) { c } else { '_' })
        .collect()
}

/// Text that can't end a comment, nor leave its line.
pub(super) fn comment(text: &str) -> String {
    let text = text.replace(|c: char| c.is_control() || c == '\\', "?");
    text.replace("*/", "*?").replace("/*", "?*")
}

#[cfg(test)]
mod tests {
    use super::{Identifiers, comment};

    #[test]
    fn every_import_has_an_identifier_of_its_own() {
        let mut identifiers = Identifiers::default();
        let names = [
            ("env", "a-b", "env_a_b"),
            ("env", "a.b", "env_a_b_2"),
            ("", "f", "import__f"),
            ("1", "f", "import_1_f"),
            ("static", "cast", "import_static_cast"),
            ("mewz", "memory_grow", "import_mewz_memory_grow"),
        ];
        for (module, field, expected) in names {
            assert_eq!(identifiers.import(module, field), expected);
        }
        assert_eq!(identifiers.export("a b"), "mewz_export_a_b");
        assert_eq!(identifiers.export("a_b"), "mewz_export_a_b_2");
    }

    #[test]
    fn names_do_not_end_comments() {
        assert_eq!(comment("a*/b\n/*c\\"), "a*?b??*c?");
    }
}
