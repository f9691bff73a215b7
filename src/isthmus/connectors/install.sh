#!/bin/sh
# Installs an Isthmus connector on Debian 12, and enrols it by a one-time code that it asks for.
#
#   sh FILE [--address ADDRESS]
#
# The code is never an argument, which everybody on the machine could read: it is typed, or the first line of a pipe.
# The program goes to /opt/isthmus/versions, the connector's own folder is /etc/isthmus/connector.
set -eu
umask 022
export LC_ALL=C.UTF-8
# For updates alone: here files get another owner, which links would share.
unset ISTHMUS_FORMER
ROOT=${ISTHMUS_ROOT:-/opt/isthmus}
STATE=${ISTHMUS_STATE:-/etc/isthmus/connector}
USER_NAME=isthmus
PACKAGE=$0

say() { printf 'connector: %s\n' "$*"; }
fail() {
    printf 'connector: %s\n' "$*" >&2
    exit 1
}

facts() {
    cat <<'END_OF_FACTS'
@FACTS@
END_OF_FACTS
}

# Everything after the line that marks the archive's beginning.
archive() { sed '1,/^#--- the archive begins in the next line ---$/d' "$PACKAGE"; }

ask_code() {
    if [ -t 0 ]; then
        printf 'One-time code: '
        stty -echo
        trap 'stty echo' EXIT INT TERM
        read -r CODE
        stty echo
        trap - EXIT INT TERM
        printf '\n'
    else
        read -r CODE || true
    fi
    [ -n "${CODE:-}" ] || fail 'there is no code'
}

main() {
    [ "$(id -u)" = 0 ] || fail 'run it as root: it installs packages and a service'
    [ ! -e "$STATE/local.json" ] || fail "there is a connector here already ($STATE)"
    ask_code
    version=$(facts | sed -n 's/^ *"version": "\(.*\)",*$/\1/p')
    home=$ROOT/versions/$version
    if [ ! -e "$home/.complete" ]; then
        say "unpacking version $version to $home"
        rm -rf "$home"
        mkdir -p "$home"
        archive | tar -xzf - -C "$home" --no-same-owner
        "$home/deploy/bootstrap" runtime
        : >"$home/.complete"
    fi
    id "$USER_NAME" >/dev/null 2>&1 || useradd --system --home-dir "$ROOT" --shell /usr/sbin/nologin "$USER_NAME"
    mkdir -p "$STATE"
    chown "$USER_NAME:" "$STATE"
    # The connector brings itself to other versions: that folder is its own, and nothing else.
    chown -R "$USER_NAME:" "$ROOT"
    install -m 755 "$home/src/isthmus/connectors/launch.sh" "$ROOT/launch"
    ln -sfn "versions/$version" "$ROOT/current"
    say 'enrolling'
    facts_file=$(mktemp -p "$ROOT")  # not in /tmp, which is closed to others on some machines
    trap 'rm -f "$facts_file"' EXIT
    sed '/^#--- the archive begins/q' "$PACKAGE" >"$facts_file"
    chmod 644 "$facts_file"
    printf '%s\n' "$CODE" | as_user "$home/.venv/bin/isthmus" connector install "$facts_file" --directory "$STATE" "$@"
    if [ -d /run/systemd/system ]; then
        write_unit
        systemctl daemon-reload
        systemctl enable --now isthmus-connector.service
        say 'it runs: systemctl status isthmus-connector'
    else
        say "start it with: $ROOT/launch $STATE (as $USER_NAME)"
    fi
}

as_user() { setpriv --reuid "$USER_NAME" --regid "$USER_NAME" --init-groups -- "$@"; }

write_unit() {
    cat >/etc/systemd/system/isthmus-connector.service <<UNIT
[Unit]
Description=Isthmus connector
After=network-online.target
Wants=network-online.target

[Service]
User=$USER_NAME
Environment=ISTHMUS_ROOT=$ROOT
ExecStart=$ROOT/launch $STATE
Restart=always
RestartSec=2
LimitNOFILE=65536
KillMode=mixed
TimeoutStopSec=30

[Install]
WantedBy=multi-user.target
UNIT
}

main "$@"
exit 0
