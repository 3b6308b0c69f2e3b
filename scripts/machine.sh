# Finds or installs what the other scripts build with: Debian packages and a Rust compiler. Sourced, not run.
# shellcheck shell=sh

# The oldest Rust that builds this project: `rust-version` in Cargo.toml.
rust_minor_least=95

say() { printf '%s\n' "$@" >&2; }

die() {
    say "error: $1"
    [ $# -lt 2 ] || say "" "hint: $2"
    exit 1
}

# Runs a command as root: directly, or by sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "cannot install packages: this user is not root and \`sudo\` is not there" \
            "run as root: $*"
    fi
}

# mewz builds for this processor only, and starts its machines by Linux's means.
need_platform() {
    platform=$(uname -sm)
    [ "$platform" = "Linux x86_64" ] || die "mewz needs Linux on x86-64, and this is $platform"
}

is_installed() { dpkg-query --show --showformat='${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'; }

# Reads the package lists once a run, and only when something is to be installed.
refresh_package_lists() {
    [ -z "${package_lists_fresh:-}" ] || return 0
    as_root apt-get update --quiet=2 >&2 || die "cannot read the package lists (\`apt-get update\` failed)" \
        "see its words above; is the network there?"
    package_lists_fresh=yes
}

# Installs those of the named packages that are missing. Where there is no apt, `need_programs` has the word.
need_packages() {
    command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || return 0
    missing=
    for package in "$@"; do is_installed "$package" || missing="$missing $package"; done
    [ -n "$missing" ] || return 0
    refresh_package_lists
    say "Installing:$missing"
    # dpkg tells of each package on standard output, hundreds of lines; what fails is told on standard error.
    # $missing is a list of words.
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends \
        -o Dpkg::Use-Pty=0 $missing </dev/null >/dev/null || die "cannot install:$missing" "see apt-get's words above"
}

# Checks that the named programs can be found.
need_programs() {
    missing=
    for program in "$@"; do command -v "$program" >/dev/null || missing="$missing $program"; done
    [ -z "$missing" ] || die "these programs are missing:$missing" \
        "this script installs on Debian and Ubuntu only; elsewhere install what holds them, then run it again"
}

# The installable version of a package, nothing if there is none.
candidate() { LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -v '^(none)$'; }

# Whether "1.96.0…" or "rustc 1.96.0 (…)" is new enough.
is_rust_new_enough() {
    minor=$(printf '%s' "$1" | sed -n 's/^[^0-9]*1\.\([0-9]*\).*/\1/p')
    [ -n "$minor" ] && [ "$minor" -ge "$rust_minor_least" ]
}

# Puts a Rust that is new enough into PATH: what is there (rustup's too), else a Debian package.
need_rust() {
    [ ! -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ] || PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    here=$(rustc --version 2>/dev/null || true)
    if is_rust_new_enough "$here" && cargo --version >/dev/null 2>&1; then
        need_rust_tools
        return 0
    fi
    if command -v rustup >/dev/null; then
        die "Rust 1.$rust_minor_least or newer is needed, \`rustc --version\` says: ${here:-nothing}" "rustup update stable"
    fi
    if command -v apt-get >/dev/null; then
        # Debian keeps a current compiler for its browsers beside the one of its release.
        refresh_package_lists
        if is_rust_new_enough "$(candidate rustc-web)"; then
            need_packages rustc-web cargo-web rustfmt-web rust-web-clippy
            return 0
        fi
        if is_rust_new_enough "$(candidate rustc)"; then
            need_packages rustc cargo rustfmt rust-clippy
            return 0
        fi
        # Ubuntu keeps newer compilers beside the one of its release: rustc-1.95 in /usr/lib/rust-1.95/bin.
        for package in $(apt-cache search --names-only '^rustc-1\.[0-9]+$' | cut -d' ' -f1 | sort -V -r); do
            version=${package#rustc-}
            if is_rust_new_enough "$version"; then
                need_packages "rustc-$version" "cargo-$version" "rustfmt-$version" "rust-$version-clippy"
                PATH="/usr/lib/rust-$version/bin:$PATH"
                return 0
            fi
        done
    fi
    die "Rust 1.$rust_minor_least or newer is needed, and this distribution has none (found: ${here:-no rustc})" \
        "install it with rustup: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
}

# The formatter and the linter, where the Rust at hand came without them. Only tests need these two.
need_rust_tools() {
    [ "${need_lints:-}" = yes ] || return 0
    for tool in fmt clippy; do
        cargo "$tool" --version >/dev/null 2>&1 && continue
        command -v rustup >/dev/null && die "\`cargo $tool\` is missing" "rustup component add rustfmt clippy"
        if is_installed rustc-web; then need_packages rustfmt-web rust-web-clippy; else need_packages rustfmt rust-clippy; fi
    done
}
