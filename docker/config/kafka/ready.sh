#!/usr/bin/env bash
# Health check of Kafka: succeeds when the broker answers an ApiVersions request. An open port alone does not prove
# that the broker serves requests, and a tool of Kafka's own would start a JVM for every check.

exec 3<>/dev/tcp/127.0.0.1/29092 || exit 1
# Key 18, version 0, correlation id 1, no client id; the length comes first.
printf '\0\0\0\x0a\0\x12\0\0\0\0\0\x01\xff\xff' >&3
answer=$(timeout 4 head -c 10 <&3 | od -An -v -tx1 | tr -d ' \n')
echo "ApiVersions: ${answer:-no answer}"
# After the length: the correlation id, and the error code 0.
[[ ${answer:8} == 000000010000 ]]
