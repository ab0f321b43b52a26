"""The run: ask directly, sign in, write and read through every route, wait for events, say what it means."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from rofecare_infra.engine import Container, Engine
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.platform import Platform
from rofecare_infra.progress import Event, Working
from rofecare_infra.smoke import direct, events, gateway, routes, states
from rofecare_infra.smoke.checks import Check
from rofecare_infra.smoke.diagnosis import diagnose
from rofecare_infra.smoke.plan import Application, origin_of, plan_of
from rofecare_infra.smoke.report import Report
from rofecare_infra.smoke.talk import Talk
from rofecare_infra.smoke.wire import Network, Wire
from rofecare_infra.state import SYSTEM_CLOCK, Clock

# Requests wait, they do not compute: more at once than processors, but no flood on a small machine.
_AT_ONCE = 12


def run(
    platform: Platform,
    engine: Engine,
    *,
    wire: Wire | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, Report]:
    """Send traffic over every link of the started platform and report which of them carried it.

    Writes one record a reference service, and one account, under the name of this run. Raises ServiceFailedError
    when nothing of the platform runs.
    """
    began = clock.monotonic()
    containers = engine.containers(platform.project)
    if not any(one.status == "running" for one in containers):
        raise ServiceFailedError(
            "the platform is not started",
            seen=f"no running container of project {platform.project}",
            expected="a started platform",
            next_step="inv start-all",
        )
    plan = plan_of(platform, _origins(engine, containers))
    talk = Talk(
        plan,
        wire if wire is not None else Network(),
        f"smoke-{uuid.uuid4()}",
        clock,
        served={},
        healthy=states.healthy(platform, containers),
    )
    pool = ThreadPoolExecutor(max_workers=_AT_ONCE)
    try:
        checks = yield from _everything(talk, states.reach(platform), pool)
    finally:
        # After ^C nobody waits for requests that are under way.
        pool.shutdown(wait=False, cancel_futures=True)
    findings = diagnose(platform, engine.containers(platform.project), checks)
    return Report(plan, tuple(checks), findings, clock.monotonic() - began)


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
    # Who needs what has just failed is not waited for.
    failed = frozenset(check.subject for check in checks if not check.ok)
    talk = dataclasses.replace(talk, served=served, healthy=states.without(talk.healthy, failed, needs))

    if plan.gateway is not None and plan.gateway.address is not None:
        yield Working("knocking at the gateway without a token")
        refusals = gateway.refuses_without_token(talk)
        checks += refusals
        if refusals and refusals[-1].what != gateway.NO_ANSWER:
            checks += yield from _through_gateway(talk, pool)
    return [*checks, *listed.result()]


def _through_gateway(talk: Talk, pool: ThreadPoolExecutor) -> Generator[Event, None, list[Check]]:
    yield Working("signing in")
    token, checks = _token(talk)
    if not token:
        return checks
    talk = dataclasses.replace(talk, token=token)
    # What could not even sign somebody in is known to be broken, and by what.
    broken = {check.subject for check in checks if not check.ok} | {check.target for check in checks if not check.ok}
    apps = [app for app in talk.plan.business if app.name not in broken]
    yield Working(f"writing and reading through {len(apps)} routes")
    found = list(pool.map(lambda app: routes.exercise(talk, app), apps))
    checks += [check for one in found for check in one]
    wrote = {app.name for app, one in zip(apps, found, strict=True) if routes.has_written(one)}
    due = events.expected(talk.plan.business, talk.served, wrote)
    if due:
        yield Working(f"waiting for events at {len(due)} services")
        consumers = [app for app in talk.plan.business if app.name in due]
        arrivals = pool.map(lambda app: events.arrive(talk, app, due[app.name]), consumers)
        checks += [check for one in arrivals for check in one]
    return checks


def _token(talk: Talk) -> tuple[str, list[Check]]:
    """A token of the identity service where it is ours to sign in to; else, or where that fails, one of our own."""
    accounts = _accounts(talk)
    token, checks = gateway.sign_in(talk, accounts) if accounts is not None else ("", ())
    if token:
        return token, list(checks)
    token, more = gateway.own_token(talk, talk.clock.now())
    return token, [*checks, *more]


def _accounts(talk: Talk) -> Application | None:
    return next((app for app in talk.plan.business if app.reference and talk.configuration(app).has_accounts), None)


def _origins(engine: Engine, containers: Sequence[Container]) -> dict[str, str]:
    """Service -> where its running image came from."""
    ids = {one.image_id for one in containers}
    found = {image_id: engine.image(image_id) for image_id in ids if image_id}
    origins = {image_id: origin_of(image.labels) for image_id, image in found.items() if image is not None}
    return {one.service: origins.get(one.image_id, "") for one in containers}
