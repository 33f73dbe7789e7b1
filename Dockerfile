# Graft and all it needs, for a user without rights on the machine.
#
#   docker build --tag graft .
#   docker run --rm --volume "$PWD":/home/graft/work graft train debug=fast
#   docker run --rm --volume "$PWD":/home/graft/work --gpus all --shm-size 8g graft train     # loaders share memory
#
# logs/ appears in the folder that is mounted. Where your id is not 1000 (`id -u`): --build-arg UID=$(id -u).
# Versions are those of constraints.txt, which uv reads from pyproject.toml: a lock file would name a registry's hosts.
FROM python:3.12-slim-bookworm

# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && pip install --no-cache-dir uv==0.13.9

ARG UID=1000
RUN useradd --create-home --uid "$UID" graft \
    && install --directory --owner graft /home/graft/source /home/graft/work
USER $UID
ENV UV_PROJECT_ENVIRONMENT=/home/graft/venv \
    UV_NO_CACHE=1 \
    UV_COMPILE_BYTECODE=1 \
    PATH=/home/graft/venv/bin:$PATH

WORKDIR /home/graft/source
# --dev for work on Graft itself, as in .devcontainer
ARG SYNC=--no-dev
COPY --chown=graft pyproject.toml README.md LICENSE ./
RUN uv sync "$SYNC" --no-install-project
COPY --chown=graft src src
COPY --chown=graft configs configs
RUN uv sync "$SYNC"

WORKDIR /home/graft/work
ENTRYPOINT ["graft"]
CMD ["--help"]
