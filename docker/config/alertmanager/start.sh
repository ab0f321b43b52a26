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

# One receiver for each address, so that one that the mail server refuses does not keep the others from being informed.
recipients() { printf '%s\n' "${ALERT_EMAIL:-}" | tr ',' '\n' | sed 's/^ *//; s/ *$//; /^$/d'; }

{
    cat /etc/alertmanager/routes.yml
    printf '\nreceivers:\n  - name: people\n'
    if [ -n "${ALERT_EMAIL:-}" ] && [ -n "${SMTP_HOST:-}" ]; then
        printf '    email_configs:\n'
        recipients | while IFS= read -r address; do
            printf '      - to: %s\n' "$(quoted "$address")"
            printf '        from: %s\n' "$(quoted "$sender")"
            printf '        smarthost: %s\n' "$(quoted "$SMTP_HOST:${SMTP_PORT:-587}")"
            printf '        require_tls: %s\n        send_resolved: true\n' "$starttls"
            printf '        headers: {Subject: "{{ template \"rofecare.subject\" . }}"}\n'
            printf '        text: "{{ template \"rofecare.text\" . }}"\n        html: ""\n'
            if [ -n "${SMTP_USERNAME:-}" ]; then
                printf '        auth_username: %s\n' "$(quoted "$SMTP_USERNAME")"
                printf '        auth_password_file: /run/secrets/smtp_password\n'
            fi
        done
    fi
    if [ -n "${ALERT_WEBHOOK:-}" ]; then
        printf '    webhook_configs:\n      - {url: %s, send_resolved: true}\n' "$(quoted "$ALERT_WEBHOOK")"
    fi
    # Called every few minutes while alerting works; the receiver reports when the calls stop.
    printf '  - name: heartbeat\n'
    if [ -n "${ALERT_HEARTBEAT:-}" ]; then
        printf '    webhook_configs:\n      - {url: %s, send_resolved: false}\n' "$(quoted "$ALERT_HEARTBEAT")"
    fi
} >/tmp/alertmanager.yml

exec /bin/alertmanager --config.file=/tmp/alertmanager.yml --storage.path=/alertmanager --cluster.listen-address=
