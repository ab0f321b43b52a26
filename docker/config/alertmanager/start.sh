#!/bin/sh
# Starts Alertmanager with routes.yml and the receivers from the settings. Without receivers no notifications are sent;
# `inv alerts` and Alertmanager's own page show the alerts.
set -eu

quoted() { printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"; }

# STARTTLS, except where the connection is encrypted from its first byte (465, which Alertmanager does by itself), and
# for mail between servers (25), where TLS is optional.
starttls=true
case "${SMTP_PORT:-587}" in 25 | 465) starttls=false ;; esac

# Not every user name at a mail server is an address.
sender=${ALERT_SENDER:-}
if [ -z "$sender" ]; then
    case "${SMTP_USERNAME:-}" in
        *@*) sender=$SMTP_USERNAME ;;
        *) sender="rofecare@${SMTP_HOST:-localhost}" ;;
    esac
fi

# One integration for each address, so that one that the mail server refuses does not keep the others from being informed.
recipients() { [ -z "${SMTP_HOST:-}" ] || printf '%s\n' "${ALERT_EMAIL:-}" | tr ',' '\n' | sed 's/^ *//; s/ *$//; /^$/d'; }

# Where people are informed, as the integrations of a receiver. $1: whether the end of an alert is sent, too.
people() {
    if [ -n "${ALERT_EMAIL:-}" ] && [ -n "${SMTP_HOST:-}" ]; then
        printf '    email_configs:\n'
        recipients | while IFS= read -r address; do
            printf '      - to: %s\n' "$(quoted "$address")"
            printf '        from: %s\n' "$(quoted "$sender")"
            printf '        smarthost: %s\n' "$(quoted "$SMTP_HOST:${SMTP_PORT:-587}")"
            printf '        require_tls: %s\n        send_resolved: %s\n' "$starttls" "$1"
            printf '        headers: {Subject: "{{ template \"rofecare.subject\" . }}"}\n'
            printf '        text: "{{ template \"rofecare.text\" . }}"\n        html: ""\n'
            if [ -n "${SMTP_USERNAME:-}" ]; then
                printf '        auth_username: %s\n' "$(quoted "$SMTP_USERNAME")"
                printf '        auth_password_file: /run/secrets/smtp_password\n'
            fi
        done
    fi
    if [ -n "${ALERT_WEBHOOK:-}" ]; then
        printf '    webhook_configs:\n      - {url: %s, send_resolved: %s}\n' "$(quoted "$ALERT_WEBHOOK")" "$1"
    fi
}

{
    cat /etc/alertmanager/routes.yml
    printf '\nreceivers:\n  - name: people\n'
    people true
    # For `inv alerts --test`: the same, and nothing when the test is over.
    printf '  - name: test\n'
    people false
    # Called every few minutes while alerting works; the receiver reports when the calls stop.
    printf '  - name: heartbeat\n'
    if [ -n "${ALERT_HEARTBEAT:-}" ]; then
        printf '    webhook_configs:\n      - {url: %s, send_resolved: false}\n' "$(quoted "$ALERT_HEARTBEAT")"
    fi
} >/tmp/alertmanager.yml

# The integrations of people in order, for `inv alerts --test`.
{
    recipients | sed 's/^/email /'
    [ -z "${ALERT_WEBHOOK:-}" ] || printf 'webhook %s\n' "$ALERT_WEBHOOK"
} >/tmp/people

exec /bin/alertmanager --config.file=/tmp/alertmanager.yml --storage.path=/alertmanager --cluster.listen-address= \
    --enable-feature=receiver-name-in-metrics
