"""Whether registries provide the images that are not on this machine: all requests side by side, with a time limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial

from rofecare_infra import images
from rofecare_infra.doctor.finding import Finding, ok, problem, refusal
from rofecare_infra.engine import Engine
from rofecare_infra.errors import RofecareError, SettingsError
from rofecare_infra.images import Sources, registry
from rofecare_infra.platform import Service
from rofecare_infra.project import Project

# In seconds, for all requests together.
LIMIT = 3.0


@dataclass(frozen=True)
class Answers:
    """What registries answered within the limit."""

    hosts: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()


def examine(project: Project) -> list[Finding]:
    """Decide where images come from, and judge those that are not on this machine. Nothing is built or pulled."""
    engine = project.engine
    asked: set[str] = set()
    try:
        sources = _resolved(project, Answers(), asked)
        absent = _absent(sources.platform.services, engine)
        pulled = [one for one in absent if not sources.is_built(one)]
        if asked or pulled:
            candidates = {one.image for one in _absent(project.platform.services, engine)} | {
                one.image for one in pulled
            }
            answers = ask(asked | {registry.host_of(one.image) for one in pulled}, candidates)
            sources = _resolved(project, answers, set())
            absent = _absent(sources.platform.services, engine)
            pulled = [one for one in absent if not sources.is_built(one) and one.image not in answers.images]
    except RofecareError as error:
        return refusal("images", error)
    return [*judged(sources, absent, pulled)]


def judged(sources: Sources, absent: Sequence[Service], refused: Sequence[Service]) -> Iterable[Finding]:
    """Judge the images that are not on this machine; no registry provided those of `refused`."""
    for one in refused:
        seen = (
            f"{one.image} is neither on this machine nor provided by {registry.host_of(one.image)} within {LIMIT:.0f} s"
        )
        yield problem("images", seen, "docker login, IMAGE_PREFIX, or IMAGES=packages", SettingsError)
    if not refused:
        count = len({one.image for one in absent})
        what = f"{count} are built or pulled by the next start" if count else "all are on this machine"
        yield ok("images", "; ".join([what, *sources.reasons]))


def ask(hosts: Iterable[str], wanted: Iterable[str], limit: float = LIMIT) -> Answers:
    """Ask which of these registries answer, and which images they provide to this user."""
    questions = {
        **{("host", host): partial(registry.answers, host, limit) for host in hosts},
        **{("image", image): partial(registry.offers, image, limit) for image in wanted},
    }
    pool = ThreadPoolExecutor(max_workers=max(len(questions), 1))
    futures = {pool.submit(question): key for key, question in questions.items()}
    done, _ = wait(futures, timeout=limit)
    # Requests that take longer end by their own limits.
    pool.shutdown(wait=False, cancel_futures=True)
    good = {futures[one] for one in done if one.exception() is None and one.result()}
    return Answers(
        frozenset(name for kind, name in good if kind == "host"),
        frozenset(name for kind, name in good if kind == "image"),
    )


def _resolved(project: Project, answers: Answers, asked: set[str]) -> Sources:
    def host_answers(host: str) -> bool:
        asked.add(host)
        return host in answers.hosts

    return images.resolve(
        project.settings,
        project.sources,
        project.engine,
        host_answers,
        lambda image: image in answers.images,
        production=project.production,
    )


def _absent(services: Iterable[Service], engine: Engine) -> list[Service]:
    return [one for one in services if one.replicas and engine.image(one.image) is None]
