"""Runs all checks: direct ones, sign-in, a write and a read through every route, events; then the diagnosis."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from rofecare_infra.engine import Container, Engine, StackEngine
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.platform import Platform, reach
from rofecare_infra.process import Shell, in_container
from rofecare_infra.progress import Event, Working
from rofecare_infra.smoke import diagnosis, direct, gateway
from rofecare_infra.smoke.checks import Check
from rofecare_infra.smoke.inside import refuse_without_password
from rofecare_infra.smoke.plan import Application, origin_of, plan_of
from rofecare_infra.smoke.report import Report
from rofecare_infra.smoke.talk import Talk
from rofecare_infra.smoke.wire import Network, Wire
from rofecare_infra.state import SYSTEM_CLOCK, Clock

# Requests wait rather than compute: more than there are processors, few enough for a small machine.
_AT_ONCE = 12


def run(
    platform: Platform,
    engine: Engine,
    *,
    wire: Wire | None = None,
    shell: Shell = in_container,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, Report]:
    """Send traffic over every link of the started platform and report which links carried it.

    Writes one account, and one record for each reference service, under the name of this run. Raises
    ServiceFailedError if no container of the platform runs.
    """
    began = clock.monotonic()
    containers = engine.containers(platform.project)
    if not any(one.status == "running" for one in containers):
        raise ServiceFailedError(
            "the platform is not started",
            seen=f"no running container of project {platform.project}",
            expected="a started platform",
            next_step="inv deploy" if isinstance(engine, StackEngine) else "inv start-all",
        )
    plan = plan_of(platform, _origins(engine, containers), _running(containers))
    talk = Talk(
        plan,
        wire if wire is not None else Network(),
        f"smoke-{uuid.uuid4()}",
        clock,
        served={},
        healthy=diagnosis.healthy(platform, containers),
    )
    pool = ThreadPoolExecutor(max_workers=_AT_ONCE)
    try:
        checks = yield from _everything(talk, reach(platform.needs), pool)
        checks += pool.submit(lambda: [*refuse_without_password(platform, plan, containers, shell)]).result()
    finally:
        # After ^C, do not wait for pending requests.
        pool.shutdown(wait=False, cancel_futures=True)
    tried = [check for check in checks if not check.skipped]
    skipped = tuple(check for check in checks if check.skipped)
    findings = diagnosis.diagnose(platform, engine.containers(platform.project), tried)
    return Report(plan, tuple(tried), findings, clock.monotonic() - began, skipped)


def _everything(
    talk: Talk, needs: Mapping[str, frozenset[str]], pool: ThreadPoolExecutor
) -> Generator[Event, None, list[Check]]:
    plan = talk.plan
    yield Working("asking the config server, Eureka, Redis and Kafka")
    listed = pool.submit(direct.registered, talk)
    alone = [pool.submit(direct.redis_accepts, talk), pool.submit(direct.kafka_answers, talk)]
    asking = [app for app in plan.applications if "config" in app.needs]
    answers = list(pool.map(lambda app: direct.fetch_configuration(plan, talk.wire, app), asking))
    served = {app.name: found for app, (found, _) in zip(asking, answers, strict=True) if found is not None}
    checks = [check for _, check in answers]
    checks += [check for one in alone if (check := one.result()) is not None]
    # Services that depend on what has just failed are not waited for.
    failed = frozenset(check.subject for check in checks if not check.ok)
    talk = dataclasses.replace(talk, served=served, healthy=diagnosis.without(talk.healthy, failed, needs))

    if plan.gateway is not None and plan.gateway.address is not None:
        yield Working("sending requests without a token")
        refusals = gateway.refuses_without_token(talk)
        checks += refusals
        if not refusals or refusals[-1].what != gateway.NO_ANSWER:
            checks += yield from _through_gateway(talk, pool)
    return [*checks, *listed.result()]


def _through_gateway(talk: Talk, pool: ThreadPoolExecutor) -> Generator[Event, None, list[Check]]:
    yield Working("signing in")
    token, checks = _token(talk)
    if not token:
        return checks
    talk = dataclasses.replace(talk, token=token)
    # Without a sign-in, the broken services are already known.
    broken = {check.subject for check in checks if not check.ok} | {check.target for check in checks if not check.ok}
    apps = [app for app in talk.plan.business if app.name not in broken]
    yield Working(f"writing and reading through {len(apps)} routes")
    found = list(pool.map(lambda app: gateway.exercise(talk, app), apps))
    checks += [check for one in found for check in one]
    wrote = {app.name for app, one in zip(apps, found, strict=True) if gateway.has_written(one)}
    due = gateway.expected(talk.plan.business, talk.served, wrote)
    if due:
        yield Working(f"waiting for events at {len(due)} services")
        consumers = [app for app in talk.plan.business if app.name in due]
        arrivals = pool.map(lambda app: gateway.arrive(talk, app, due[app.name]), consumers)
        checks += [check for one in arrivals for check in one]
    return checks


def _token(talk: Talk) -> tuple[str, list[Check]]:
    """A token of the identity service, if it is a reference service and signs users in; else one signed here."""
    accounts = _accounts(talk)
    token, checks = gateway.sign_in(talk, accounts) if accounts is not None else ("", ())
    if token:
        return token, list(checks)
    token, more = gateway.own_token(talk, talk.clock.now())
    return token, [*checks, *more]


def _accounts(talk: Talk) -> Application | None:
    return next((app for app in talk.plan.business if app.reference and talk.configuration(app).has_accounts), None)


def _running(containers: Sequence[Container]) -> dict[str, Container]:
    """Service -> a running container."""
    return {one.service: one for one in containers if one.status == "running"}


def _origins(engine: Engine, containers: Sequence[Container]) -> dict[str, str]:
    """Service -> the origin of its running image."""
    images = {one.service: one.image_id for one in containers}
    found = {image: engine.image(image) for image in set(images.values()) if image}
    origins = {image: origin_of(one.labels) for image, one in found.items() if one is not None}
    return {service: origins.get(image, "") for service, image in images.items()}
