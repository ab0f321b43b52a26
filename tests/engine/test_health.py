"""Applications whose readiness has a port and a path of its own, with the health check of the platform."""

from __future__ import annotations

import pytest

from tests.support.project import IMAGE, REPOSITORY, Json, MakeProject, check

# Listens on each port that it is given; answers 200 to one path on the last of them, and logs like Spring.
_APPLICATION = r"""
use IO::Socket::INET; $| = 1; $SIG{CHLD} = 'IGNORE';
my $path = shift; my $last = $ARGV[-1];
print "Starting Application v1 using Java 21\n";
for my $port (@ARGV) {
    my $s = IO::Socket::INET->new(LocalPort => $port, Listen => 50, ReuseAddr => 1) or die;
    next if fork;
    while (my $c = $s->accept) {
        my $line = <$c>;
        while (<$c>) { last if /^\r?$/ }
        my $status = $port == $last && $line =~ m{^GET \Q$path\E } ? "200 OK" : "404 Not Found";
        print $c "HTTP/1.0 $status\r\n\r\n{}\n";
        close $c;
    }
}
print "Started Application in 1.0 seconds (process running for 2)\n";
sleep;
"""
_DEFAULT = "/actuator/health/readiness"


def application(*ports: int, path: str = _DEFAULT, labels: Json | None = None, **environment: str) -> Json:
    return {
        "image": IMAGE,
        "entrypoint": ["perl", "-e", _APPLICATION.replace("$", "$$"), path, *map(str, ports)],
        "init": True,
        "environment": {"SERVER_PORT": "8080", **environment},
        "labels": {"com.rofecare.phase": "business", **(labels or {})},
        "configs": [{"source": "ready", "target": "/etc/rofecare/ready.sh"}],
        "healthcheck": {
            "test": ["CMD", "bash", "/etc/rofecare/ready.sh"],
            "interval": "30s",
            "start_period": "120s",
            "start_interval": "500ms",
        },
    }


CONFIGS = {"ready": {"file": str(REPOSITORY / "docker/config/application/ready.sh")}}
LABELS = {"com.rofecare.health.port": "9082", "com.rofecare.health.path": "/manage/ready"}


def test_readiness_elsewhere(make_project: MakeProject) -> None:
    """By a variable of Spring Boot alone, and by the labels of an application that sets it itself."""
    services = {
        "usual": application(8080),
        "variable": application(8080, 9081, MANAGEMENT_SERVER_PORT="9081"),
        "labels": application(
            8080, 9082, path="/manage/ready", labels=LABELS, HEALTH_PORT="9082", HEALTH_PATH="/manage/ready"
        ),
    }
    project = make_project(services, configs=CONFIGS)
    check(project.inv("start-all"), 0, "up: 3 of 3 containers ready")
    # What one forgets, before anything is started.
    project.write("docker-compose.override.yml", {"services": {"labels": {"environment": {"HEALTH_PORT": ""}}}})
    check(
        project.inv("start-all"),
        3,
        "labels: its label com.rofecare.health.port says 9082, and its health check asks 8080",
        'HEALTH_PORT: "9082" in its environment, too',
    )


@pytest.mark.parametrize(
    ("app", "cause", "step"),
    [
        (
            application(8080, 9083, MANAGEMENT_SERVER_PORT="9000"),
            "its health check asks port 9000, and it listens on",
            "com.rofecare.health.port",
        ),
        (
            application(8080, 9000, path="/up", MANAGEMENT_SERVER_PORT="9000"),
            f"404 Not Found from port 9000, {_DEFAULT}",
            "com.rofecare.health.path",
        ),
        (
            application(8081, 9000, MANAGEMENT_SERVER_PORT="9000"),
            "it does not listen on its port 8080 (SERVER_PORT), but on",
            "SERVER_PORT",
        ),
    ],
    ids=["port", "path", "its own port"],
)
def test_readiness_that_cannot_be_found_is_named_at_once(
    make_project: MakeProject, app: Json, cause: str, step: str
) -> None:
    project = make_project({"app": app}, configs=CONFIGS)
    project.environment["GATE_TIMEOUT"] = "60"
    check(project.inv("start-all", timeout=30), 7, "app failed", cause, step)
