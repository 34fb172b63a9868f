#!/bin/sh
# A plug-in for Weir (provider exec, protocol `calls`) that starts servers as processes of their own: they outlive Weir.
#
#     processes.sh DIRECTORY BASE_PORT COMMAND
#
# DIRECTORY holds a file for each server: its process id, when that began, its port and key. The server shop/shop-3 listens on
# BASE_PORT + 3 (one without a number, as `weir provider test` has it, on BASE_PORT), and `$PORT` in COMMAND stands for that.
# What is asked comes as the last argument and in the variables WEIR_*.
set -eu

directory=$1 base_port=$2 command=$3 action=$4
mkdir -p "$directory"

# born PID: when the process began, in ticks since boot; nothing: there is none, or it has ended.
born() {
    sed -n 's/.*) //p' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" && $1 != "X" { print $20 }'
}

# fail FAULT TEXT: what Weir is told.
fail() {
    printf '{"ok": false, "fault": "%s", "error": "%s"}\n' "$1" "$2"
    exit 0
}

# instance FILE: one server as JSON.
instance() {
    read -r pid began port key <"$1"
    state=running
    [ "$(born "$pid")" = "$began" ] || state=ended
    printf '{"id": "%s-%s", "key": "%s", "state": "%s", "address": "127.0.0.1:%s", "pid": %s}' "$pid" "$began" "$key" "$state" "$port" "$pid"
}

# place: where the server of WEIR_KEY is noted, and its port.
place() {
    number=${WEIR_KEY##*-}
    case $number in *[!0-9]*) number=0 ;; esac
    file=$directory/$WEIR_OWNER,$WEIR_SERVICE,${WEIR_KEY##*/} port=$((base_port + number))
}

case $action in
list)
    separator=
    printf '{"ok": true, "instances": ['
    for file in "$directory/$WEIR_OWNER,$WEIR_SERVICE,"*; do
        [ -e "$file" ] || continue
        printf '%s' "$separator"
        instance "$file"
        separator=', '
    done
    printf ']}\n'
    ;;
start)
    place
    if [ -e "$file" ] && read -r pid began _ <"$file" && [ "$(born "$pid")" = "$began" ]; then
        : # it is there: the answer of the first call was lost
    else
        rm -f "$file"
        : "$(setsid "$0" "$directory" "$base_port" "$command" become </dev/null 2>/dev/null &)" # until it closes its output
        pid=
        [ ! -e "$file" ] || read -r pid _ <"$file"
        [ -n "$(born "$pid")" ] || fail configuration "the server ended at once"
    fi
    printf '{"ok": true, "instance": '
    instance "$file"
    printf '}\n'
    ;;
become)
    # Not Weir's question, but the server to be: it notes itself before it is the server, so it is known even if the program
    # that started it has been killed.
    place
    printf '%s %s %s %s\n' $$ "$(born $$)" "$port" "$WEIR_KEY" >"$directory/.$$"
    mv "$directory/.$$" "$file"
    PORT=$port exec sh -c "exec $command" >/dev/null
    ;;
stop)
    for file in "$directory/$WEIR_OWNER,$WEIR_SERVICE,"*; do
        [ -e "$file" ] || continue
        read -r pid began _ <"$file"
        [ "$pid-$began" = "$WEIR_INSTANCE_ID" ] || continue
        if [ "$(born "$pid")" != "$began" ]; then
            rm -f "$file"
        elif [ "$WEIR_TIMEOUT_SECONDS" = 0 ]; then
            kill -KILL "$pid" 2>/dev/null || :
        else
            kill -TERM "$pid" 2>/dev/null || :
        fi
    done
    printf '{"ok": true}\n'
    ;;
*)
    fail configuration "action $action: not known here"
    ;;
esac
