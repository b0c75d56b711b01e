# One recipe for every image: each holds one package of the workspace with what that package needs, and nothing else.
#   docker build --build-arg PACKAGE=platen-orders --build-arg MODULE=platen_orders -t platen-orders .
FROM python:3.13-slim AS workspace
COPY . /workspace
# The lock and each package's declaration by themselves, so that a change of sources leaves the dependencies' layer alone.
RUN mkdir /declared && cd /workspace && cp uv.lock /declared/ && find . -name pyproject.toml -exec cp --parents -t /declared {} +


FROM python:3.13-slim AS builder
ARG UV_VERSION=0.13.9
RUN --mount=type=cache,target=/root/.cache/pip pip install --quiet --disable-pip-version-check --root-user-action=ignore uv==$UV_VERSION
ENV UV_PROJECT_ENVIRONMENT=/opt/platen UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_NO_PROGRESS=1
WORKDIR /workspace
COPY --from=workspace /declared .
ARG PACKAGE
ARG OPTIONS=""
RUN --mount=type=cache,target=/root/.cache/uv uv sync --frozen --no-dev --package "$PACKAGE" $OPTIONS --no-install-workspace
COPY --from=workspace /workspace .
RUN --mount=type=cache,target=/root/.cache/uv uv sync --frozen --no-dev --package "$PACKAGE" $OPTIONS --no-editable


FROM python:3.13-slim
# Debian's packages of libraries, unpacked without what they depend on: the drivers behind OpenGL alone would be 350 MB.
ARG LIBRARIES=""
RUN if [ -n "$LIBRARIES" ]; then \
      mkdir /debs && cd /debs && apt-get update && apt-get download $LIBRARIES \
      && for each in *.deb; do dpkg -x "$each" /; done && ldconfig && rm -rf /debs /var/lib/apt/lists/* /var/cache/apt/*; \
    fi
# A volume mounted on one of these folders begins as the user's own.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin platen && install -d -o platen -g platen /objects /reports /sandbox
COPY --from=builder /opt/platen /opt/platen
ARG MODULE
ENV PATH=/opt/platen/bin:$PATH PYTHONUNBUFFERED=1 MODULE=$MODULE PLATEN_HTTP=0.0.0.0:8080
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/ready', timeout=4)"]
ENTRYPOINT ["sh", "-c", "exec python -m \"$MODULE\" \"$@\"", "sh"]
