"""Python, the packages that Graft asks for, and its extras."""

import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from graft.checkup.finding import Finding, absent, fine, warning, wrong

_SHOWN = ("torch", "torchvision", "pytorch-lightning", "torchmetrics", "timm", "transformers", "hydra-core", "wandb")
_FOR_AUTHORS = ("dev",)  # an extra of those who work on Graft itself
FOR = {
    "text": "backbone=transformers and all that begin as it",
    "peft": "strategy=lora, dora, ia3",
    "huggingface": "datamodule=huggingface",
    "tensorboard": "logger=tensorboard",
    "trackio": "logger=trackio",
    "dashboard": "a search in the browser",
    "postgresql": "hydra.sweeper.storage=postgresql://…",
    "export": "graft export format=onnx",
    "quantize": "graft export quantize=int8",
    "demo": "graft demo",
    "explain": "graft explain",
    "slurm": "launcher=submitit_slurm, submitit_local",
    "ray": "launcher=ray",
    "streaming": "datamodule=streaming, graft shard",
    "init": "graft init",
}
"""What each extra is for."""
_AGAIN = "install again: uv sync, or pip install -c constraints.txt -e ."


def packages() -> Iterator[Finding]:
    """Yields Python, Graft and the packages that matter most; of the others, those that are missing or too old."""
    try:
        own = metadata.distribution("graft")
    except metadata.PackageNotFoundError:
        yield wrong("graft", "is not installed", "in its folder: uv sync, or pip install -c constraints.txt -e .")
        return
    yield _python(own)
    yield fine("graft", own.version)
    for requirement in _requirements(own, extra=""):
        if problem := _problem(requirement):
            yield wrong(requirement.name, problem, _AGAIN)
        elif requirement.name in _SHOWN:
            yield fine(requirement.name, metadata.version(requirement.name))
    if _version("transformers") and not any(each.name == "transformers" for each in _requirements(own, extra="")):
        yield fine("transformers", metadata.version("transformers"))


def extras(needed: Mapping[str, str]) -> Iterator[Finding]:
    """Yields the extras, installed or not.

    Args:
        needed: Of the extras that the configuration cannot do without, what in it needs each.
    """
    try:
        own = metadata.distribution("graft")
    except metadata.PackageNotFoundError:
        return
    for extra in own.metadata.get_all("Provides-Extra") or []:
        if extra in _FOR_AUTHORS:
            continue
        requirements = list(_requirements(own, extra))
        problems = _problems(requirements)
        advice = f"pip install 'graft[{extra}]', or uv sync --extra {extra}"
        if not problems:
            names = [each.name for each in requirements if each.name != "graft"]
            yield fine(extra, ", ".join(f"{name} {_version(name)}" for name in names) or "installed")
        elif extra in needed:
            yield wrong(extra, f"{'; '.join(problems)}; {needed[extra]} needs it", advice)
        elif any("is not installed" not in problem for problem in problems):
            yield warning(extra, "; ".join(problems), advice)
        else:
            missing = " and ".join(problem.removesuffix(" is not installed") for problem in problems)
            yield absent(extra, f"not installed ({missing}), for {FOR.get(extra, 'your own')}", advice)


def lacks(extra: str) -> bool:
    """Whether something of an extra is missing or too old."""
    try:
        own = metadata.distribution("graft")
    except metadata.PackageNotFoundError:
        return False
    return bool(_problems(_requirements(own, extra)))


def _python(own: metadata.Distribution) -> Finding:
    version, accepted = platform.python_version(), own.metadata["Requires-Python"]
    if SpecifierSet(accepted).contains(version, prereleases=True):
        return fine("Python", version)
    return wrong("Python", f"{version}, but Graft needs {accepted}", "make an environment with another Python")


def _requirements(own: metadata.Distribution, extra: str) -> Iterator[Requirement]:
    """What the extra asks for beside what is asked for anyway; "" for the latter. Graft's own extras are followed."""
    for line in own.requires or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is not None and not (marker.evaluate({"extra": extra}) and (not extra or "extra" in str(marker))):
            continue
        if marker is None and extra:
            continue
        if canonicalize_name(requirement.name) == canonicalize_name(own.name):
            for inner in requirement.extras:
                yield from _requirements(own, inner)
        else:
            yield requirement


def _problems(requirements: Iterable[Requirement]) -> list[str]:
    return [f"{each.name} {problem}" for each in requirements if (problem := _problem(each))]


def _problem(requirement: Requirement) -> str:
    """What is wrong with an installed package, in a few words; "" where it is as asked for."""
    version = _version(requirement.name)
    if version is None:
        return "is not installed"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"is {version}, but Graft needs {requirement.specifier}"
    return ""


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
