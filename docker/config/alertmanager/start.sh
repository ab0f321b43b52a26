#!/bin/sh
# Starts Alertmanager with routes.yml and the receivers from the settings. Without receivers no notifications are sent;
# `inv alerts` and Alertmanager's own page show the alerts.
set -eu

quoted() { printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"; }

# Port 25 is for mail between servers: TLS is optional there.
encrypted=true
if [ "${SMTP_PORT:-587}" = 25 ]; then encrypted=false; fi

{
    cat /etc/alertmanager/routes.yml
    printf '\nreceivers:\n  - name: people\n'
    if [ -n "${ALERT_EMAIL:-}" ] && [ -n "${SMTP_HOST:-}" ]; then
        printf '    email_configs:\n'
        for address in $(printf '%s' "$ALERT_EMAIL" | tr ',' ' '); do
            printf '      - to: %s\n' "$(quoted "$address")"
            printf '        from: %s\n' "$(quoted "${SMTP_USERNAME:-rofecare@localhost}")"
            printf '        smarthost: %s\n' "$(quoted "$SMTP_HOST:${SMTP_PORT:-587}")"
            printf '        require_tls: %s\n        send_resolved: true\n' "$encrypted"
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
