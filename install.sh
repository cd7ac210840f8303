#!/bin/sh
# Installs gitfoss-ci-runner from a release: a folder or an address that holds the binaries and their SHA256SUMS.
# All of it stands in functions, called on the last line, so a download that was cut off does nothing.
# Exit codes: 0 installed, or the same binary is there already; 1 not installed; 64 wrong use.

set -u

name=gitfoss-ci-runner

usage() {
  cat <<'END'
install.sh --from DIR|URL [--bin-dir DIR] [--version VERSION] [--dry-run]

  --from DIR|URL     the release: a folder or base address with gitfoss-ci-runner-<os>-<arch>[-musl] and SHA256SUMS
                     [GITFOSS_RUNNER_FROM]
  --bin-dir DIR      where to put the binary (/usr/local/bin; ~/.local/bin when not root) [GITFOSS_RUNNER_BIN_DIR]
  --version VERSION  the release lies in a folder of this name under --from, and must be this version
                     [GITFOSS_RUNNER_VERSION]
  --dry-run          fetch and check, install nothing
  --help

Needs curl or wget for an address, and sha256sum, shasum or openssl.
END
}

say() { printf '%s\n' "$*"; }

die() {
  printf 'error: %s\n' "$1" >&2
  exit "${2:-1}"
}

have() { command -v "$1" >/dev/null 2>&1; }

# ---- What is asked for

read_arguments() {
  from=${GITFOSS_RUNNER_FROM:-}
  bin_dir=${GITFOSS_RUNNER_BIN_DIR:-}
  version=${GITFOSS_RUNNER_VERSION:-}
  dry_run=
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h)
        usage
        exit 0
        ;;
      --dry-run) dry_run=yes ;;
      --from=* | --bin-dir=* | --version=*) take "${1%%=*}" "${1#*=}" ;;
      --from | --bin-dir | --version)
        [ $# -ge 2 ] || die "$1 needs a value" 64
        take "$1" "$2"
        shift
        ;;
      *) die "unknown argument \"$1\"; see --help" 64 ;;
    esac
    shift
  done
  [ -n "$from" ] || die "where from? give --from DIR or --from URL; see --help" 64
  case $version in
    *[!0-9A-Za-z.+-]* | .*) die "\"$version\" is no version" 64 ;;
  esac
  [ -n "$bin_dir" ] || bin_dir=$(default_bin_dir) || die "HOME is not set; give --bin-dir" 64
}

take() {
  [ -n "$2" ] || die "$1 needs a value" 64
  case $1 in
    --from) from=$2 ;;
    --bin-dir) bin_dir=$2 ;;
    --version) version=$2 ;;
  esac
}

default_bin_dir() {
  if [ "$(id -u)" -eq 0 ]; then
    say /usr/local/bin
  else
    [ -n "${HOME:-}" ] && say "$HOME/.local/bin"
  fi
}

# ---- This machine

# The name of the binary for this machine.
asset_name() {
  case $(uname -s) in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    *) die "no binary for $(uname -s); there are some for Linux and macOS" ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) die "no binary for $(uname -m); there are some for x86_64 and arm64" ;;
  esac
  if [ "$os" = linux ] && is_musl; then arch=$arch-musl; fi
  say "$name-$os-$arch"
}

is_musl() {
  [ -f /etc/alpine-release ] && return
  # musl's ldd exits with 1 and says so on stderr.
  ldd --version 2>&1 | grep -qi musl
}

# ---- Getting and checking

# fetch NAME FILE: copies or downloads a file of the release.
fetch() {
  case $from in
    http://* | https://*) download "${from%/}/$1" "$2" ;;
    *) cp -- "${from%/}/$1" "$2" ;;
  esac || die "can't get $1 from $from"
}

download() {
  if have curl; then
    # What was asked for over https isn't taken from elsewhere.
    case $1 in
      https:*) curl -fsSL --proto-redir =https --retry 2 -o "$2" -- "$1" ;;
      *) curl -fsSL --retry 2 -o "$2" -- "$1" ;;
    esac
  elif have wget; then
    wget -q -O "$2" "$1"
  else
    die "curl or wget is needed to download; or give --from a folder"
  fi
}

# find_hasher: without a way to check, nothing is installed.
find_hasher() {
  for hasher in sha256sum shasum openssl; do
    ! have "$hasher" || return 0
  done
  die "sha256sum, shasum or openssl is needed to check the download; nothing was installed"
}

# hash_of FILE: by the program that find_hasher chose. Prints 64 hex digits, or the wrong thing, which equals no checksum.
hash_of() {
  case $hasher in
    sha256sum) sha256sum <"$1" ;;
    shasum) shasum -a 256 <"$1" ;;
    openssl) openssl dgst -sha256 -r <"$1" ;;
  esac | cut -d ' ' -f 1
}

# expected_hash SUMS ASSET: lines are "<hash>  <name>", or "<hash> *<name>".
expected_hash() {
  while read -r sum file; do
    if [ "${file#\*}" = "$2" ]; then
      say "$sum"
      return
    fi
  done <"$1"
}

check() {
  expected=$(expected_hash "$work/SHA256SUMS" "$asset")
  case $expected in
    *[!0-9a-f]*) expected= ;;
  esac
  [ "${#expected}" -eq 64 ] || die "SHA256SUMS of $from has no checksum for $asset; nothing was installed"
  actual=$(hash_of "$work/$asset")
  [ "$actual" = "$expected" ] && return
  die "wrong checksum of $asset: $actual, and SHA256SUMS says $expected; nothing was installed"
}

# ---- Putting it in place

# The new binary must run here, and be what was asked for.
try_out() {
  chmod 755 "$work/$asset"
  shown=$("$work/$asset" version 2>&1 </dev/null) || die "$asset doesn't run on this machine: $shown; nothing was installed"
  [ -z "$version" ] && return
  case " $shown " in
    *" $version "*) ;;
    *) die "asked for version $version, and $asset says \"$shown\"; nothing was installed" ;;
  esac
}

put_in_place() {
  mkdir -p -- "$bin_dir" || die "can't make the folder $bin_dir; run this as root, or give --bin-dir"
  new=$bin_dir/.$name.$$.new
  # In the same folder, so that the last step is one rename: there is always a whole binary, the old one or the new.
  if ! cp -- "$work/$asset" "$new" || ! chmod 755 "$new" || ! mv -f -- "$new" "$bin_dir/$name"; then
    die "can't write to $bin_dir; run this as root, or give --bin-dir"
  fi
  new=
}

is_there_already() {
  [ -x "$bin_dir/$name" ] && [ "$(hash_of "$bin_dir/$name")" = "$actual" ]
}

mention_path() {
  case :$PATH: in
    *:"$bin_dir":*) ;;
    *) say "Note: $bin_dir isn't in your PATH." ;;
  esac
}

clean_up() {
  [ -z "$work" ] || rm -rf -- "$work"
  [ -z "$new" ] || rm -f -- "$new"
}

main() {
  read_arguments "$@"
  work=
  new=
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  asset=$(asset_name) || exit
  find_hasher
  if [ -n "$version" ]; then from=${from%/}/$version; fi
  work=$(mktemp -d) || die "can't make a temporary folder"
  fetch SHA256SUMS "$work/SHA256SUMS"
  fetch "$asset" "$work/$asset"
  check
  if is_there_already; then
    say "$bin_dir/$name is this very binary already: nothing to do"
    exit 0
  fi
  try_out
  if [ -n "$dry_run" ]; then
    say "Would install $asset ($shown) as $bin_dir/$name"
    exit 0
  fi
  put_in_place
  say "Installed $bin_dir/$name ($shown)"
  mention_path
  say "Next: $name exec in a repository with a .gitfoss-ci.yml, or $name register --nonce-file -"
}

# In braces, since even this line may be cut.
{ main "$@"; }
