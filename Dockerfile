# The hub without anything that was needed to build it: Python, and one venv with the hub in it.
#
#   docker build -t sse-hub .          # podman build --format docker -t sse-hub .: else it leaves HEALTHCHECK out
#   docker run --rm -p 127.0.0.1:8091:8091 -e SSE_HUB_ACCESS=none -e REDIS_URL=redis://host:6379/0 sse-hub
#
# Inside, the hub listens on every address, so it wants to be told who is let in: on a port that is published on
# loopback alone everybody may be, anywhere else see docs/security.md.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
RUN python -m venv --without-pip /opt/sse-hub
# Before the code, so that a change of the code does not install them again.
COPY requirements/run.lock requirements/build.lock requirements/
RUN python -m pip --python /opt/sse-hub/bin/python install --no-cache-dir --require-hashes -r requirements/run.lock && \
    python -m pip install --no-cache-dir --require-hashes -r requirements/build.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY web web
COPY sse_hub sse_hub
# Not isolated: pip would get what builds it anew, and unpinned.
RUN python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . && \
    python -m pip --python /opt/sse-hub/bin/python install --no-cache-dir --no-deps dist/*.whl

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/sse-hub /opt/sse-hub
# For the hubs of docker-compose, whose demo runs elsewhere.
COPY sse_hub/commands/demo/rules.toml /etc/sse-hub/demo-rules.toml
ENV PATH=/opt/sse-hub/bin:$PATH
# By number: Kubernetes' runAsNonRoot believes no name, and the user needs neither a home nor an entry in passwd.
USER 10001:10001
EXPOSE 8091
# Any proxy of the environment is left aside: it could not reach the loopback of this container.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 CMD ["python", "-c", "\
import os, urllib.request as r; \
url = f'http://127.0.0.1:{os.environ.get(\"SSE_HUB_PORT\", 8091)}/health/ready'; \
r.build_opener(r.ProxyHandler({})).open(url, timeout=4)"]
ENTRYPOINT ["sse-hub"]
CMD ["serve", "--host", "0.0.0.0"]
