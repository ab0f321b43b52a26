# Sourced: `wait_for_slot SECONDS` returns when no broker with this one's number is registered in ZooKeeper.
# shellcheck shell=bash
#
# A broker that was killed stays registered until its ZooKeeper session ends (18 s by default), and a successor that
# starts sooner dies of it. Waiting here makes one start of it instead of a crash loop. It is a question to a socket:
# a JVM would take longer than most waits. What cannot be asked is left for Kafka to find out.

# The number from the settings, or the one that an earlier start was given and wrote beside its data.
broker_number() {
    if [[ -n ${KAFKA_BROKER_ID:-} ]]; then
        printf '%s' "$KAFKA_BROKER_ID"
    else
        sed -n 's/^broker\.id=//p' "${KAFKA_LOG_DIRS%%,*}/meta.properties" 2>/dev/null || true
    fi
}

# NUMBER as four bytes, the way ZooKeeper sends integers, in printf's notation.
four_bytes() { printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)); }

# Opens a session, asks whether PATH exists, closes the session. Succeeds if it does; any other answer is "no".
exists_in_zookeeper() {
    local host=$1 port=$2 path=$3 zeros='\0\0\0\0' socket answer
    { exec {socket}<>"/dev/tcp/$host/$port"; } 2>/dev/null || return 1
    # Version, last change seen (8 bytes), timeout, session (8), password (length and 16), read only.
    local open question close
    open="$zeros$zeros$zeros$(four_bytes 4000)$zeros$zeros$(four_bytes 16)$zeros$zeros$zeros$zeros\\0"
    # Request number 1 of kind 3, "exists": the path (length and bytes), no watch. Kind -11 closes the session.
    question="$(four_bytes 1)$(four_bytes 3)$(four_bytes ${#path})$path\\0"
    close="$(four_bytes 2)$(four_bytes -11)"
    # Each with its length in front. The session's answer has 41 bytes, then comes the other's head.
    # shellcheck disable=SC2059  # the formats are the data
    printf "$(four_bytes 45)$open$(four_bytes $((13 + ${#path})))$question$(four_bytes 8)$close" >&"$socket"
    answer=$(timeout 3 head -c 61 <&"$socket" | od -An -v -tx1 | tr -d ' \n') || true
    exec {socket}>&-
    # Length, request number, last change (8 bytes), and the error: none means that the path is there.
    [[ ${answer:82} == ????????00000001????????????????00000000 ]]
}

wait_for_slot() {
    local number address path deadline=$((SECONDS + $1)) told=
    number=$(broker_number)
    # The first of the servers; all of them know the same.
    address=${KAFKA_ZOOKEEPER_CONNECT%%[,/]*}
    [[ $number =~ ^[0-9]+$ && $address =~ ^[A-Za-z0-9._-]+:[0-9]+$ ]] || return 0
    [[ ${KAFKA_ZOOKEEPER_SSL_CLIENT_ENABLE:-} != true ]] || return 0
    path=/brokers/ids/$number
    if [[ $KAFKA_ZOOKEEPER_CONNECT == */* ]]; then
        path=/${KAFKA_ZOOKEEPER_CONNECT#*/}$path
    fi
    trap 'exit 143' TERM INT
    while ((SECONDS < deadline)) && exists_in_zookeeper "${address%:*}" "${address##*:}" "$path"; do
        if [[ -z $told ]]; then
            printf 'kafka image: broker %s did not end cleanly; waiting for its ZooKeeper session to end\n' "$number"
            told=yes
        fi
        sleep 1
    done
    trap - TERM INT
}
