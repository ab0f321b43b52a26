#!/usr/bin/env bash
# Builds the Debian base of the packaged images on a machine that reaches a Debian mirror but no image registry.
#
#   make-base.sh IMAGE_NAME [SUITE]      for example: make-base.sh rofecare/base:trixie
#
# DEBIAN_MIRROR (optional) names the mirror. The default is the mirror in the apt sources of a Debian host, and
# debootstrap's own default on any other host. http_proxy, https_proxy, no_proxy and apt's own proxy are respected.
# The images built on top use the same mirror.
#
# Exit codes: 2 usage, 3 a requirement is missing (the message names the remedy), 4 no engine, 5 a step failed,
# 130 interrupted.
set -euo pipefail
# Users of containers must be able to read what is written here.
umask 022

readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() { printf 'base image: %s\n' "$*"; }

fail() {
    local code=$1
    shift
    printf 'base image: %s\n' "$@" >&2
    exit "$code"
}

# Only the steps that need root use sudo; docker runs as the caller, with the caller's context and settings.
# sudo clears the environment, so the proxies are passed by name.
as_root() {
    if ((EUID == 0)); then
        env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"
    else
        sudo -- env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
            http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" no_proxy="${no_proxy:-}" "$@"
    fi
}

check_machine() {
    local tool
    for tool in debootstrap wget tar; do
        command -v "$tool" >/dev/null || fail 3 "$tool is missing; next: apt-get install $tool"
    done
    [[ -r $keyring ]] || fail 3 \
        "$keyring is missing, so the packages' signatures cannot be checked (Ubuntu does not install it)" \
        "next: apt-get install debian-archive-keyring"
    if ((EUID != 0)) && ! command -v sudo >/dev/null; then
        fail 3 "debootstrap needs root and there is no sudo; next: run this as root"
    fi
    docker version --format '{{.Server.Version}}' >/dev/null || fail 4 "the docker engine does not answer"
}

# apt may be configured with a proxy that is not in the environment, and debootstrap's downloader reads the
# environment only.
adopt_proxy_of_apt() {
    command -v apt-config >/dev/null || return 0
    http_proxy=${http_proxy:-$(apt-config dump --format '%v%n' Acquire::http::Proxy | head -n 1)}
    https_proxy=${https_proxy:-$(apt-config dump --format '%v%n' Acquire::https::Proxy | head -n 1)}
    # apt's value for "no proxy" is not an address.
    if [[ $http_proxy == DIRECT ]]; then http_proxy=; fi
    if [[ $https_proxy == DIRECT ]]; then https_proxy=; fi
    export http_proxy https_proxy
}

release_file() { wget --quiet --tries=2 --timeout=20 --output-document=- "${1%/}/dists/$2/InRelease"; }

# Third-party archives also use addresses that end in /debian; the origin in the Release file distinguishes them.
carries() {
    local mirror=$1 suite=$2 label=$3 release
    release=$(release_file "$mirror" "$suite") || return 1
    grep -qx 'Origin: Debian' <<<"$release" && grep -qx "Label: $label" <<<"$release"
}

# Prints "ADDRESS SUITE" for every enabled source with the component main. apt itself reads its files, so that both
# formats, their options and sources.list.d are interpreted exactly as apt does.
sources_of_host() {
    local uri suite listed
    # shellcheck disable=SC2016  # apt's placeholders, not the shell's
    apt-get indextargets -o APT::Get::IndexTargets::ReleaseInfo=false \
        --format '$(CREATED_BY) $(COMPONENT) $(REPO_URI) $(RELEASE)' |
        sed -n 's/^Packages main //p' | sort -u |
        while read -r uri suite; do
            # Cloud images refer to a file that lists the mirrors.
            if [[ $uri == mirror+file:* ]]; then
                listed=${uri#mirror+file:}
                uri=$(grep -m 1 -oE '^https?://[^[:space:]]+' "${listed%/}") || continue
            fi
            if [[ $uri == http?(s)://* ]]; then
                printf '%s %s\n' "${uri%/}" "$suite"
            fi
        done
}

# Prints nothing if the host has no Debian mirror: debootstrap then uses its own default.
choose_mirror() {
    local suite=$1 uri
    if [[ -n ${DEBIAN_MIRROR:-} ]]; then
        printf '%s' "${DEBIAN_MIRROR%/}"
    elif grep -qx 'ID=debian' /etc/os-release; then
        # Addresses that end in /debian first: usually the first request succeeds.
        sources_of_host | cut -d ' ' -f 1 | sort -u | sed -E 's,^(.*/debian)$,0 \1,; t; s,^,1 ,' | sort | cut -d ' ' -f 2 |
            while read -r uri; do
                if carries "$uri" "$suite" Debian; then
                    printf '%s' "$uri"
                    break
                fi
            done
    fi
}

# Most mirrors have the security updates beside the main archive; for the others the host's sources are searched.
security_mirror() {
    local mirror=$1 suite=$2 uri
    for uri in "$mirror-security" $(sources_of_host 2>/dev/null | sed -n 's/ [^ ]*-security$//p' | sort -u); do
        if carries "$uri" "$suite-security" Debian-Security; then
            printf '%s' "$uri"
            return
        fi
    done
}

write_file() { as_root tee "$root$1" >/dev/null; }

write_sources() {
    local mirror=$1 suite=$2 security
    {
        printf 'deb %s %s main\n' "$mirror" "$suite"
        if carries "$mirror" "$suite-updates" Debian; then
            printf 'deb %s %s-updates main\n' "$mirror" "$suite"
        fi
        security=$(security_mirror "$mirror" "$suite")
        if [[ -n $security ]]; then
            printf 'deb %s %s-security main\n' "$security" "$suite"
        else
            say "warning: no security updates of $suite found beside $mirror" >&2
        fi
    } | write_file /etc/apt/sources.list
}

# Removes what no container needs: here (trim), and through these files in every image that installs more.
write_settings() {
    write_file /etc/dpkg/dpkg.cfg.d/no-documentation <<'SETTINGS'
# Licences stay: they must be distributed with the packages.
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/groff/*
path-exclude=/usr/share/lintian/*
path-exclude=/usr/share/locale/*
path-include=/usr/share/locale/locale.alias
SETTINGS
    write_file /etc/apt/apt.conf.d/small-images <<'SETTINGS'
APT::Install-Recommends "false";
APT::Install-Suggests "false";
Acquire::Languages "none";
// A fetched package is of no use after its installation, nor are apt's caches.
APT::Keep-Downloaded-Packages "false";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
// A container runs one program; nothing sends dpkg's log anywhere.
Dir::Log::Terminal "";
SETTINGS
    # Packages must not start their services while an image is being built.
    write_file /usr/sbin/policy-rc.d <<<$'#!/bin/sh\nexit 101'
    as_root chmod 0755 "$root/usr/sbin/policy-rc.d"
}

trim() {
    as_root find "$root/usr/share/doc" -mindepth 1 -not -type d -not -name copyright -delete
    as_root find "$root/usr/share/doc" -mindepth 1 -type d -empty -delete
    as_root find "$root/usr/share/locale" -mindepth 1 -not -name locale.alias -delete
    as_root find "$root"/usr/share/{man,info,groff,lintian} -mindepth 1 -delete 2>/dev/null || true
    # update-alternatives fails where the folders of its manual pages are missing.
    as_root mkdir -p "$root"/usr/share/man/man{1..9}
    as_root find "$root/var/lib/apt/lists" "$root/var/cache/apt" "$root/var/log" "$root/tmp" -type f -delete
    as_root rm -f "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old "$root/var/cache/ldconfig/aux-cache"
    # The image must not contain the host's names and addresses; the engine writes these files for each container.
    as_root rm -f "$root/etc/hostname" "$root/etc/resolv.conf"
    as_root truncate --size=0 "$root/etc/machine-id"
}

import() {
    local image=$1
    # The engine makes /dev, /proc and /sys; a rootless one could not even unpack the device nodes.
    as_root tar --create --numeric-owner --sort=name --directory="$root" \
        --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' . |
        docker import \
            --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
            --change 'ENV LANG=C.UTF-8' \
            --change 'CMD ["bash"]' \
            --change 'LABEL com.rofecare.origin=packages' \
            - "$image" >/dev/null
}

remove_scratch() {
    # A killed debootstrap may leave these mounted; the removal must not follow them.
    as_root umount --lazy "$root/proc" "$root/sys" 2>/dev/null || true
    as_root rm -rf --one-file-system -- "$scratch"
}

main() {
    if (($# < 1 || $# > 2)); then
        fail 2 "usage: make-base.sh IMAGE_NAME [SUITE]"
    fi
    local image=$1 suite=${2:-trixie} mirror
    check_machine
    adopt_proxy_of_apt

    mirror=$(choose_mirror "$suite")
    say "suite $suite from ${mirror:-the default mirror of debootstrap}"

    # Not /tmp, which may be small, in memory, or mounted without device nodes.
    scratch=$(mktemp --directory "${TMPDIR:-/var/tmp}/rofecare-base.XXXXXX")
    root=$scratch/root
    trap remove_scratch EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM

    say "unpacking and configuring the packages (about half a minute)"
    # shellcheck disable=SC2086  # no mirror means no argument
    as_root debootstrap --variant=minbase --include=ca-certificates --keyring="$keyring" \
        "$suite" "$root" $mirror >"$scratch/debootstrap.log" 2>&1 || {
        tail -n 15 "$scratch/debootstrap.log" >&2
        fail 5 "debootstrap failed; see its last lines above" "next: check the mirror, or set DEBIAN_MIRROR to another"
    }
    # debootstrap leaves the address that it used, also when that was its default.
    mirror=$(awk '$1 == "deb" { print $2; exit }' "$root/etc/apt/sources.list")

    say "writing the settings of apt and dpkg"
    write_sources "${mirror%/}" "$suite"
    write_settings

    say "installing pending updates"
    as_root chroot "$root" sh -c 'apt-get -qq update && apt-get -qqy dist-upgrade' >"$scratch/upgrade.log" 2>&1 || {
        tail -n 15 "$scratch/upgrade.log" >&2
        fail 5 "the updates failed; see the last lines above"
    }

    say "removing documentation, translations and caches"
    trim

    say "importing"
    import "$image" || fail 5 "the engine did not take the image"
    say "$image is ready, $(docker image inspect --format '{{.Size}}' "$image" | numfmt --to=si)B"
}

main "$@"
