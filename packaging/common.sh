# What quickstart and check share: build packages, Rust, folders. Sourced by them; does nothing by itself.
# shellcheck shell=bash

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/lazaret
# One folder for all checkouts, so that a fresh clone does not build four hundred crates again.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}

# Compilers, Tesseract with its headers and English data, bindgen's libclang, libsystemd.
BUILD_PACKAGES=(
    gcc g++ libc6-dev pkg-config libclang1-14 libclang-common-14-dev libtesseract-dev libleptonica-dev
    libsystemd-dev tesseract-ocr-eng tesseract-ocr-osd
)

say() { printf '%s\n' "$*" >&2; }

die() {
    say "$(basename -- "$0"): $*"
    exit 1
}

# Runs a command as root.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        command -v sudo >/dev/null || die "$1 needs root: install sudo, or run this once as root"
        sudo "$@"
    fi
}

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_packages NAME…: those that are missing.
install_packages() {
    command -v dpkg-query >/dev/null || die "this is not Debian; install the equivalents of: $*"
    local missing=() name
    for name in "$@"; do
        is_installed "$name" || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    as_root apt-get update -q >&2 || die "apt-get cannot reach a package mirror"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >&2 ||
        die "apt-get could not install ${missing[*]}"
}

# Finds cargo, and refuses a Rust that is too old before it fails in the middle.
need_rust() {
    # shellcheck disable=SC1091
    command -v cargo >/dev/null || { [ -r "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"; }
    command -v cargo >/dev/null || die "Rust is missing; see https://rustup.rs"
    local want have
    want=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$ROOT/Cargo.toml")
    have=$(rustc --version | cut -d' ' -f2)
    [ "$(printf '%s\n' "$want" "$have" | sort -V | head -n 1)" = "$want" ] ||
        die "Rust $want or later is needed, this is $have; run: rustup update"
    own_members
}

# Makes cargo build this checkout's own crates. It names crates by their place in the workspace and trusts dates, so
# what another checkout left in the folder can pass for this one's. Dependencies stay.
own_members() {
    local owner=$CARGO_TARGET_DIR/checkout
    [ "$(cat -- "$owner" 2>/dev/null)" != "$ROOT" ] || return 0
    (cd -- "$ROOT" && cargo clean --quiet --release --workspace --locked)
    mkdir -p -- "$CARGO_TARGET_DIR"
    printf '%s\n' "$ROOT" >"$owner"
}
