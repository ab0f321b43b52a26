"""Pulls an image; repeats the pull after a network failure, but not after a refusal of the registry."""

from __future__ import annotations

import re
from collections.abc import Generator

import tenacity

from rofecare_infra.diagnosis import cause_of
from rofecare_infra.errors import CommandError
from rofecare_infra.process import Result, run
from rofecare_infra.progress import Event, Note, Working
from rofecare_infra.state import Clock

ATTEMPTS = 4
# Seconds before the second, third and fourth attempt: 2, 4, 8.
_PAUSE = tenacity.wait_exponential(multiplier=2, max=30)

# Errors that another attempt does not change.
_FINAL = re.compile(
    r"not found|manifest unknown|denied|unauthorized|no such image|invalid reference|"
    r"repository does not exist|no matching manifest|no basic auth credentials|"
    r"manifest verification failed",
    re.IGNORECASE,
)


def pull(image: str, whose: str, clock: Clock) -> Generator[Event, None, None]:
    """Pull `image`, needed by `whose`. Raises CommandError with the error of the registry if it fails."""
    policy = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=_PAUSE,
        sleep=clock.sleep,
        retry=tenacity.retry_if_result(lambda result: not result.ok and not _is_final(result)),
    )
    for attempt in policy:
        number = attempt.retry_state.attempt_number
        yield Working(f"pulling {image}" + (f", attempt {number} of {ATTEMPTS}" if number > 1 else ""))
        result = run(["docker", "pull", "--quiet", image], check=False)
        attempt.retry_state.set_result(result)
        if result.ok:
            return
        if _is_final(result) or number == ATTEMPTS:
            cause = cause_of((), [result.last])
            raise CommandError(
                f"image {image} cannot be pulled, which {whose} needs: {cause.text}"
                if cause
                else f"image {image} cannot be pulled",
                seen=f"{result.last} ({number} of {ATTEMPTS} attempts)",
                expected=f"the image that {whose} needs",
                next_step="check its name and the registry (docker login), set IMAGE_PREFIX, or set IMAGES=packages",
            )
        yield Note(f"the pull of {image} failed ({result.last}); trying again")


def _is_final(result: Result) -> bool:
    return _FINAL.search(result.stderr) is not None
