#!/bin/sh
# Keeps the connector running by the version that ROOT/current leads to; goes back to the former one if a new one does
# not come up. It is the same for all versions, so that it works whatever is wrong with one of them.
#
#   launch STATE
#
# ROOT/trial, while it is there, names what `current` led to before. A version takes it away when it has found itself
# well. If it ends before, or takes longer, the former one is started again.
set -u
ROOT=${ISTHMUS_ROOT:-/opt/isthmus}
STATE=${1:?usage: launch STATE}
TRIAL_S=${ISTHMUS_TRIAL_S:-240}
child=
stopping=

stop() {
    stopping=yes
    if [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null; fi
}
trap stop TERM INT HUP

go_back() {
    former=$(cat "$ROOT/trial")
    echo "launch: $(readlink "$ROOT/current") $1; back to $former" >&2
    rm -f "$ROOT/.back"
    ln -s "$former" "$ROOT/.back" && mv -fT "$ROOT/.back" "$ROOT/current" && rm -f "$ROOT/trial"
}

# Until the trial is over, or the connector has ended.
watch_trial() {
    left=$TRIAL_S
    while [ -e "$ROOT/trial" ] && [ -z "$stopping" ]; do
        if ! kill -0 "$child" 2>/dev/null; then
            go_back 'has ended before it was well'
            return
        fi
        if [ "$left" -le 0 ]; then
            kill -TERM "$child" 2>/dev/null
            wait "$child"
            go_back 'was not well in time'
            return
        fi
        left=$((left - 1))
        sleep 1
    done
}

while [ -z "$stopping" ]; do
    "$ROOT/current/.venv/bin/isthmus" connector run --directory "$STATE" &
    child=$!
    if [ -e "$ROOT/trial" ]; then watch_trial; fi
    # A signal ends the first wait, not the connector.
    wait "$child"
    while kill -0 "$child" 2>/dev/null; do wait "$child"; done
    child=
    if [ -z "$stopping" ]; then sleep 1; fi
done
