//! What a project is built for, and what that is called in commands and paths.

/// Tells a build command which profile is wanted: `debug` or `release`.
pub(super) const PROFILE_VARIABLE: &str = "MEWZ_PROFILE";

/// What a project is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Profile {
    Debug,
    Release,
}

impl Profile {
    /// Release where `is_release`.
    pub(in crate::cli) fn new(is_release: bool) -> Self {
        if is_release {
            Profile::Release
        } else {
            Profile::Debug
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Profile::Debug => "debug",
            Profile::Release => "release",
        }
    }

    /// Fills in `{profile}`; `{debug:…}` and `{release:…}`, which are their text or nothing; and `{--release}`, short for
    /// `{release:--release}`.
    pub(super) fn expand(self, text: &str) -> String {
        let mut text = text
            .replace("{profile}", self.name())
            .replace("{--release}", "{release:--release}");
        for profile in [Profile::Debug, Profile::Release] {
            text = choose(&text, profile.name(), profile == self);
        }
        text
    }
}

/// Leaves the text of each `{name:text}`, or nothing of it. Braces that nobody closes stay.
fn choose(text: &str, name: &str, is_chosen: bool) -> String {
    let begin = format!("{{{name}:");
    let mut pieces = text.split(&begin);
    let mut chosen = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once('}') {
            Some((inner, rest)) => {
                chosen.push_str(if is_chosen { inner } else { "" });
                chosen.push_str(rest);
            }
            None => chosen.extend([&begin, piece]),
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::Profile;

    #[test]
    fn profiles_are_filled_in() {
        let expand =
            |profile: Profile| profile.expand("cargo build {--release} target/{profile}/a.wasm");
        assert_eq!(expand(Profile::Debug), "cargo build  target/debug/a.wasm");
        assert_eq!(
            expand(Profile::Release),
            "cargo build --release target/release/a.wasm"
        );
    }

    #[test]
    fn each_profile_has_text_of_its_own() {
        let expand = |profile: Profile| {
            profile
                .expand("{ cc {debug:-O0 -g}{release:-O2} {release:-s} {debugger} a.c; } {debug:")
        };
        assert_eq!(
            expand(Profile::Debug),
            "{ cc -O0 -g  {debugger} a.c; } {debug:"
        );
        assert_eq!(
            expand(Profile::Release),
            "{ cc -O2 -s {debugger} a.c; } {debug:"
        );
    }
}
