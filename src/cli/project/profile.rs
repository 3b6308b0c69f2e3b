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

    /// Fills in `{profile}`, and `{--release}`, which is nothing for a debug build.
    pub(super) fn expand(self, text: &str) -> String {
        let flag = match self {
            Profile::Debug => "",
            Profile::Release => "--release",
        };
        text.replace("{profile}", self.name())
            .replace("{--release}", flag)
    }
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
}
