#!/bin/sh
# Refuses to start a service on an empty volume where its data is expected. Start scripts run it as
#
#   [ ! -e /run/rofecare/data-expected ] || sh /etc/rofecare/data-expected.sh FILE... || exit 1
#
# with the files or folders of which at least one exists where there is data.
#
# On several machines, a volume does not follow its service to another node. Once the service has had data, the stack
# mounts /run/rofecare/data-expected, which names the node of the data. On one machine there is no such file.

for file; do
    [ ! -e "$file" ] || exit 0
done

# `patient-db on node2`
read -r service _ node </run/rofecare/data-expected
printf 'data: %s\n' "the volume on this node is empty: no $*" \
    "expected: the data of $service, which is on the node $node" \
    "next: inv place $service $node; if that node is lost for good: docs/swarm.md#the-day-a-node-dies" >&2
exit 1
