//! Settings by environment variables: `MEWZ_`, then the key's path in capitals, with `_` for `.` and `-`.

use std::ffi::OsString;

use toml::Spanned;
use toml::de::DeValue;

use super::super::failure::Failure;
use super::super::words;
use super::layers::Layers;
use super::schema::{Key, Kind, keys};

/// All of ours begin so.
const PREFIX: &str = "MEWZ_";

/// Variables of mewz that are no settings of a project.
const OTHERS: &[&str] = &["MEWZ_QEMU", "MEWZ_PROFILE", "MEWZ_KERNEL"];

/// The variables that could be settings.
pub(super) fn ours(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Vec<(String, OsString)> {
    let is_ours = |(name, value): (OsString, _)| {
        let name = name.into_string().ok()?;
        name.starts_with(PREFIX).then_some((name, value))
    };
    variables.filter_map(is_ours).collect()
}

/// Adds what `variables` say.
pub(super) fn add<'a>(
    layers: &mut Layers<'a>,
    variables: &'a [(String, OsString)],
) -> Result<(), Failure> {
    if variables.is_empty() {
        return Ok(());
    }
    let keys = keys_with_variables();
    let mut ours: Vec<&(String, OsString)> = variables.iter().collect();
    // Tables before what is in them, whatever the order of the environment.
    ours.sort_by_cached_key(|(name, _)| place(&keys, name));
    for (name, value) in ours {
        let Some((key, rest)) = find(&keys, name) else {
            warn_of(&keys, name);
            continue;
        };
        let Some(text) = value.to_str() else {
            return Err(not_as_it_must_be(name).cause("it is not UTF-8"));
        };
        let mut path = key.path.clone();
        let kind = match rest {
            Some(rest) => {
                path.push(rest.to_owned());
                Kind::Text
            }
            None => key.kind,
        };
        let value = read(kind, text).map_err(|cause| not_as_it_must_be(name).cause(cause))?;
        layers.add_value(name, text, &path, value)?;
    }
    Ok(())
}

/// Keys that have a variable: each but the version, and the tables, whose names are those of other things (`MEWZ_PROFILE`,
/// `MEWZ_KERNEL`).
fn keys_with_variables() -> Vec<Key> {
    let mut keys = keys();
    keys.retain(|key| key.kind != Kind::Table && key.path.len() > 1);
    keys
}

/// The key that a variable is for, and the name within it where that is a map.
fn find<'a, 'b>(keys: &'a [Key], name: &'b str) -> Option<(&'a Key, Option<&'b str>)> {
    let is_exact =
        |key: &&Key| key.variable() == name || key.short_variable.as_deref() == Some(name);
    if let Some(key) = keys.iter().find(is_exact) {
        return Some((key, None));
    }
    let mut maps = keys.iter().filter(|key| key.kind == Kind::Map);
    maps.find_map(|key| {
        let rest = name.strip_prefix(&key.variable())?.strip_prefix('_')?;
        (!rest.is_empty()).then_some((key, Some(rest)))
    })
}

/// Where the key of a variable stands; of two names of one key the short one is last, and so counts.
fn place(keys: &[Key], name: &str) -> (usize, usize) {
    let Some((key, rest)) = find(keys, name) else {
        return (usize::MAX, 0);
    };
    let at = keys.iter().position(|other| other == key).unwrap_or(0);
    let is_later = rest.is_some() || key.short_variable.as_deref() == Some(name);
    (at, usize::from(is_later))
}

/// The value that the text stands for.
fn read(kind: Kind, text: &str) -> Result<Spanned<DeValue<'_>>, String> {
    let spanned = |value| Spanned::new(0..text.len(), value);
    let toml = || {
        DeValue::parse(text)
            .map(Spanned::into_inner)
            .map_err(|problem| problem.message().replace('\n', ": "))
    };
    Ok(spanned(match kind {
        Kind::Text => DeValue::String(text.into()),
        Kind::Truth => match text {
            "true" | "1" => DeValue::Boolean(true),
            "false" | "0" => DeValue::Boolean(false),
            _ => return Err(format!("`{text}` is neither `true` nor `false`")),
        },
        Kind::Number => match toml() {
            Ok(value @ DeValue::Integer(_)) => value,
            _ => return Err(format!("`{text}` is no whole number")),
        },
        Kind::Texts | Kind::Numbers if !text.trim_start().starts_with('[') => {
            let items = text.split(',').map(str::trim);
            let items = items.filter(|item| !item.is_empty());
            let item_kind = match kind {
                Kind::Numbers => Kind::Number,
                _ => Kind::Text,
            };
            let items = items.map(|item| read(item_kind, item));
            DeValue::Array(items.collect::<Result<_, _>>()?)
        }
        Kind::Texts | Kind::Numbers | Kind::Tables => match toml()? {
            value @ DeValue::Array(_) => value,
            _ => return Err("expected a list as TOML has it: `[…]`".to_owned()),
        },
        Kind::Map | Kind::Table => match toml()? {
            value @ DeValue::Table(_) => value,
            _ => return Err("expected a table as TOML has it: `{ name = value }`".to_owned()),
        },
    }))
}

fn not_as_it_must_be(name: &str) -> Failure {
    Failure::usage(format!("the variable `{name}` is not as it must be"))
}

/// A variable that is none of ours, but looks like a slip in one, is mentioned; others belong to somebody else.
fn warn_of(keys: &[Key], name: &str) {
    if let Some(meant) = meant(keys, name) {
        words::warning(format_args!(
            "the variable `{name}` is not known: did you mean `{meant}`?"
        ));
    }
}

/// The variable that `name` is a slip in.
fn meant(keys: &[Key], name: &str) -> Option<String> {
    if OTHERS.contains(&name) {
        return None;
    }
    let ours = keys
        .iter()
        .flat_map(|key| std::iter::once(key.variable()).chain(key.short_variable.clone()));
    let slips = |other: &str| strsim::osa_distance(&name[PREFIX.len()..], &other[PREFIX.len()..]);
    let (slips, nearest) = ours
        .chain(OTHERS.iter().map(|name| (*name).to_owned()))
        .map(|other| (slips(&other), other))
        .min()?;
    // Words of four letters have another word two slips away.
    let slips_max = 1 + usize::from(nearest.len() > PREFIX.len() + 6);
    (slips <= slips_max).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::super::keys::Keys;
    use super::super::layers::Layers;
    use super::{add, keys_with_variables, meant, ours};

    fn read(variables: &[(&str, &str)]) -> Result<Keys, String> {
        let variables = variables.iter();
        let variables = ours(variables.map(|(name, value)| ((*name).into(), (*value).into())));
        let mut layers = Layers::default();
        add(&mut layers, &variables)
            .and_then(|()| layers.keys())
            .map_err(|failure| failure.text())
    }

    #[test]
    fn every_kind_of_key_has_a_form() {
        let keys = read(&[
            ("MEWZ_RUN_MEMORY", "256MiB"),
            ("MEWZ_RUN_NET", "true"),
            ("MEWZ_RUN_ENV_RUST_LOG", "a=b, c"),
            ("MEWZ_RUN_ENV", "{ OTHER = 'x', RUST_LOG = 'y' }"),
            ("MEWZ_RUN_ARGS", "--fast, in.txt"),
            ("MEWZ_RUN_PORTS", "[\"8080:80\", \"auto:81\"]"),
            ("MEWZ_RUN_LISTEN", "80,81"),
            ("MEWZ_RUN_READY_PORT", "80"),
            (
                "MEWZ_RUN_MOUNT",
                "[{ host = 'a', guest = '/b', mode = 'ro' }]",
            ),
            ("MEWZ_PROFILE_RELEASE_TARGET_CPU", "native"),
            ("MEWZ_DEV_ON_ERROR", "stop"),
            ("HOME", "/"),
        ]);
        let keys = keys.unwrap();
        assert_eq!(keys.run.memory, Some(256 << 20));
        assert!(keys.run.net);
        assert_eq!(keys.run.env["RUST_LOG"], "a=b, c");
        assert_eq!(keys.run.env["OTHER"], "x");
        assert_eq!(keys.run.args, ["--fast", "in.txt"]);
        assert_eq!(keys.run.ports.len(), 2);
        assert_eq!(keys.run.listen, [80, 81]);
        assert_eq!(keys.run.ready.map(|ready| ready.port), Some(Some(80)));
        assert_eq!(keys.run.mount.len(), 1);
    }

    #[test]
    fn of_two_names_the_short_one_counts() {
        let both = [("MEWZ_MEMORY", "32MiB"), ("MEWZ_RUN_MEMORY", "64MiB")];
        assert_eq!(read(&both).unwrap().run.memory, Some(32 << 20));
        assert_eq!(read(&both[..1]).unwrap().run.memory, Some(32 << 20));
    }

    #[test]
    fn a_wrong_value_is_told_by_the_variable() {
        for (name, value, words) in [
            ("MEWZ_RUN_MEMORY", "128", "is no size"),
            ("MEWZ_LOG", "wran", "did you mean `warn`?"),
            ("MEWZ_RUN_NET", "yes", "neither `true` nor `false`"),
            ("MEWZ_RUN_LISTEN", "80,http", "`http`"),
            ("MEWZ_RUN_MOUNT", "data", "`MEWZ_RUN_MOUNT`"),
            ("MEWZ_RUN_MOUNT", "[{ hots = 'a' }]", "did you mean `host`?"),
            ("MEWZ_RUN_ENV", "A=b", "MEWZ_RUN_ENV"),
        ] {
            let problem = read(&[(name, value)]).unwrap_err();
            assert!(problem.contains(words), "{problem}");
            assert!(problem.contains(name), "{problem}");
        }
    }

    #[test]
    fn a_slip_is_noticed_and_other_names_are_left_alone() {
        let keys = keys_with_variables();
        let meant = |name| meant(&keys, name);
        assert_eq!(meant("MEWZ_RUN_MEMROY").as_deref(), Some("MEWZ_RUN_MEMORY"));
        assert_eq!(meant("MEWZ_LOGS").as_deref(), Some("MEWZ_LOG"));
        for other in [
            "MEWZ_BLESS",
            "MEWZ_TEST_PLACE",
            "MEWZ_KERNEL",
            "MEWZ_FUZZ",
            "MEWZ_PROFILE",
            "MEWZ_SOAK",
            "MEWZ_SPEC",
        ] {
            assert_eq!(meant(other), None, "{other}");
        }
    }
}
