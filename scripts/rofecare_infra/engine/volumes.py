"""The volumes on the engine: the part of its requests that concerns data."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from rofecare_infra.engine.answers import ANSWER_TIMEOUT, answers
from rofecare_infra.engine.records import LABEL_PROJECT
from rofecare_infra.platform import LABEL_VOLUME_OF

if TYPE_CHECKING:
    import docker


class Volumes:
    """The requests that concern volumes. Every method raises EngineError if the engine does not answer."""

    _api: docker.APIClient

    def volumes(self, project: str) -> tuple[str, ...]:
        """The names of the project's data volumes, including those that compose does not manage."""
        return tuple(sorted(self.volume_labels(f"{LABEL_PROJECT}={project}", f"{LABEL_VOLUME_OF}={project}")))

    def volume_labels(self, *filters: str) -> dict[str, Mapping[str, str]]:
        """Volume -> its labels, of all volumes that match one of these filters: `label` or `label=value`."""
        with answers():
            found = [self._api.volumes(filters={"label": each})["Volumes"] or () for each in filters]
        return {volume["Name"]: volume.get("Labels") or {} for volumes in found for volume in volumes}

    def volumes_named(self, prefix: str) -> dict[str, Mapping[str, str]]:
        """Volume -> its labels, of all volumes whose names begin with `prefix`."""
        with answers():
            found = self._api.volumes(filters={"name": prefix})["Volumes"] or ()
        # The engine finds the words anywhere in a name.
        return {one["Name"]: one.get("Labels") or {} for one in found if one["Name"].startswith(prefix)}

    def volume_sizes(self) -> dict[str, int]:
        """Volume -> the bytes of its files, of all volumes on the engine; -1 where the engine does not know."""
        with answers():
            # The SDK's own method also measures images and containers, which takes long.
            url = f"{self._api.base_url}/v{self._api.api_version}/system/df"
            answer = self._api.get(url, params={"type": "volume"}, timeout=ANSWER_TIMEOUT)
            answer.raise_for_status()
            volumes = answer.json().get("Volumes") or ()
        return {volume["Name"]: int((volume.get("UsageData") or {}).get("Size", -1)) for volume in volumes}

    def make_volume(self, name: str, project: str) -> None:
        """Create a data volume of the project that compose does not manage; an existing volume stays."""
        self.label_volume(name, {LABEL_VOLUME_OF: project})

    def label_volume(self, name: str, labels: Mapping[str, str]) -> Mapping[str, str]:
        """Create a volume with these labels; return the labels it has: an existing volume stays as it is."""
        with answers():
            made = self._api.create_volume(name, labels=dict(labels))
        return made.get("Labels") or {}

    def users_of(self, volume: str) -> tuple[str, ...]:
        """The names of the containers, of any project, that use this volume."""
        with answers():
            rows = self._api.containers(all=True, filters={"volume": volume})
        return tuple(sorted(name.lstrip("/") for row in rows for name in row["Names"]))

    def remove_volume(self, name: str) -> None:
        """Remove a volume and its content; one that does not exist is ignored."""
        import docker.errors

        with answers(), suppress(docker.errors.NotFound):
            self._api.remove_volume(name)
