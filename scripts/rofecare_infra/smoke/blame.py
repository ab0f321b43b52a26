"""From an answer that is not what it should be to the link that it breaks. Decides alone, asks nobody."""

from __future__ import annotations

from rofecare_infra.platform import short
from rofecare_infra.smoke.checks import Answer, Check
from rofecare_infra.smoke.plan import Application

# What a service says that it lacks -> what it cannot do then.
_CANNOT = {"database": "cannot write to {}", "redis": "cannot use {}", "kafka": "cannot publish to {}"}
_NO_WAY = frozenset({502, 503, 504})
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_TOO_MANY = 429


def blame(gateway: str, app: Application, answer: Answer, what: str) -> Check:
    """The broken link behind an answer that came, or did not come, through the gateway."""
    link: tuple[str, str, str]
    remedy = ""
    if answer.dependency:
        fault = _CANNOT.get(answer.dependency, "cannot use {}")
        if answer.asked.startswith("GET"):
            fault = fault.replace("write to", "read from")
        link = (app.name, app.need(answer.dependency), fault)
    elif not answer.came or answer.status in _NO_WAY:
        link = (gateway, app.name, "gets no answer from {}")
        # The far end knows more about it than the gateway.
        remedy = f"inv logs {short(app.name)}"
    elif answer.status == _UNAUTHORIZED:
        link = (gateway, app.name, "refuses a valid token for {}")
    elif answer.status == _NOT_FOUND and not routed(answer):
        link = (gateway, app.name, "has no route to {}")
    elif answer.status == _TOO_MANY:
        link = (gateway, app.name, "lets too few requests through to {}")
    else:
        link = (app.name, "", f"answers {answer.status} to {answer.asked}")
    return Check(*link[:2], what, answer.seconds, link[2], str(answer), remedy)


def may_settle(answer: Answer) -> bool:
    """Whether asking again may help where every container is well: something was just started or is on its way back."""
    return not answer.came or answer.status in _NO_WAY


def routed(answer: Answer) -> bool:
    """Whether a 404 came from behind the gateway: its rate limiter, on every route, leaves its mark."""
    return answer.status != _NOT_FOUND or any(name.startswith("x-ratelimit-") for name in answer.headers)
