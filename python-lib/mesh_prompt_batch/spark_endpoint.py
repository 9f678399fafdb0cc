"""The way to DSS from the executors of a Spark job: a dict's keys, checked once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from mesh_prompt_batch.endpoint import Endpoint, internal_url
from mesh_prompt_batch.errors import RunStoppedError, SettingsError
from mesh_prompt_batch.form import Form, quoted

KEYS = {
    "url": "the address of Dataiku as the executors reach it",
    "project_key": "the key of the project whose LLMs are asked",
    "api_key": "a Dataiku API key",
    "api_key_variable": "the name of an environment variable that has the API key on every executor",
    "run_folder": "the id of the managed folder that keeps the answers",
    "images": "the id of the managed folder that holds the images",
    "verify": "True, False, or the path of a PEM file on every executor",
}
_LABELS = {name: f"endpoint['{name}']" for name in KEYS}


@dataclass(frozen=True, slots=True)
class SparkEndpoint:
    """`api_key` is "" where the executors have it in their environment, as `api_key_variable`."""

    url: str
    project_key: str
    run_folder: str
    api_key: str = field(default="", repr=False)
    api_key_variable: str = ""
    images: str = ""
    verify: bool | str = True

    @classmethod
    def from_dict(cls, given: Mapping[str, object]) -> "SparkEndpoint":
        """Raises SettingsError for the first key that cannot work; no value is ever quoted."""
        unknown = sorted(str(it) for it in given if it not in KEYS)
        if unknown:
            raise SettingsError(
                f"The endpoint has no key {quoted(unknown[0])}: it takes {', '.join(KEYS)}."
            )
        form = Form(
            {name: _as_text(name, given[name]) for name in given if name != "verify"}, _LABELS
        )
        api_key, variable = form.text("api_key"), form.text("api_key_variable").strip()
        if bool(api_key) == bool(variable):
            raise SettingsError(
                "The endpoint needs either 'api_key', which travels with the tasks, or 'api_key_variable', the name of"
                " an environment variable that has it on every executor."
            )
        verify = given.get("verify", True)
        if not isinstance(verify, (bool, str)):
            raise form.refused("verify", f"must be {KEYS['verify']}")
        return cls(
            url=form.required_text("url", KEYS["url"]).strip().rstrip("/"),
            project_key=form.required_text("project_key", KEYS["project_key"]).strip(),
            run_folder=form.required_text("run_folder", _WHY_A_FOLDER).strip(),
            api_key=api_key,
            api_key_variable=variable,
            images=form.text("images").strip(),
            verify=verify,
        )

    def key(self) -> str:
        """To be called where the calls are made. Raises RunStoppedError where the environment has none."""
        found = self.api_key or os.environ.get(self.api_key_variable, "")
        if not found:
            raise RunStoppedError(
                f"The executor has no environment variable '{self.api_key_variable}' with an API key: on Kubernetes set"
                f" spark.kubernetes.executor.secretKeyRef.{self.api_key_variable}."
            )
        return found

    def mesh(self) -> Endpoint:
        """The route that every port of DSS serves."""
        return Endpoint(
            internal_url(self.url, self.project_key),
            "the API key of the endpoint",
            api_key=self.key(),
            verify=self.verify,
            use_environment_proxies=True,
        )


_WHY_A_FOLDER = (
    f"give {KEYS['run_folder']}: Spark runs tasks again, and what is kept there is not paid twice"
)


def _as_text(name: str, value: object) -> object:
    if value is not None and not isinstance(value, str):
        # Not by the form, which would quote it.
        raise SettingsError(f"{_LABELS[name]} must be text: {KEYS[name]}.")
    return value
