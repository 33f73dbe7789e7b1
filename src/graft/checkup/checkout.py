"""Whether a run will know the code that it was made with."""

from collections.abc import Iterator

from graft.checkup.finding import Finding, fine, warning
from graft.runs.environment import code_folder, describe_git, is_installed


def checkout() -> Iterator[Finding]:
    """Yields commit, branch and changed files of the checkout that a run would write down."""
    state = describe_git(code_folder())
    if state["commit"] is None and is_installed():
        yield fine("git", "Graft is installed, no clone: runs note its version")
        return
    if state["commit"] is None:
        advice = "for runs that can be repeated: git init, git add, git commit"
        yield warning("git", f"no commit in {code_folder()}: runs cannot tell their code", advice)
        return
    where = f"{state['commit'][:10]} on {state['branch'] or 'no branch'}"
    if not state["changed"]:
        yield fine("git", f"{where}, nothing changed")
        return
    some = ", ".join(state["changed"][:3]) + (", …" if len(state["changed"]) > 3 else "")
    advice = "runs name what is changed but do not keep it: commit it to be able to repeat them"
    yield warning("git", f"{where}, changed: {some}", advice)
