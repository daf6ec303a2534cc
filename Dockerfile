# Streamgauge as a service. Build, then look at http://127.0.0.1:8000:
#   docker build -t streamgauge .
#   docker run -p 127.0.0.1:8000:8000 -v ./my.toml:/etc/streamgauge/config.toml:ro streamgauge
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY constraints.txt pyproject.toml ./
# What is needed comes first, in a layer that a change of our code does not touch. The tools stay in
# a virtual environment of their own, so that what is shipped has not even pip.
RUN python3 -m venv /opt/tools \
    && /opt/tools/bin/pip install --constraint constraints.txt hatchling \
    && python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
        > requirements.txt \
    && python3 -m venv --without-pip /opt/streamgauge \
    && /opt/tools/bin/pip --python /opt/streamgauge/bin/python install \
        --only-binary :all: --constraint constraints.txt --requirement requirements.txt
COPY README.md ./
COPY models models
COPY stream stream
RUN /opt/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/wheels . \
    && /opt/tools/bin/pip --python /opt/streamgauge/bin/python install --no-deps /tmp/wheels/*.whl \
    && /opt/tools/bin/pip --python /opt/streamgauge/bin/python check

FROM ${PYTHON_IMAGE}
# The compiled kernels are in the image. For them to serve on any machine, they are compiled for
# none in particular: measured, that is not slower, and the scores are the same to the bit. Where the
# cache may not be written (a read-only root, another user), numba compiles at start, below /tmp.
ENV PATH=/opt/streamgauge/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/var/cache/streamgauge \
    NUMBA_CPU_NAME=generic \
    XDG_CACHE_HOME=/tmp
COPY --from=builder /opt/streamgauge /opt/streamgauge
COPY deploy/examples/transactions.toml /etc/streamgauge/config.toml
RUN install -d -o 10001 -g 10001 "$NUMBA_CACHE_DIR" /var/lib/streamgauge
WORKDIR /var/lib/streamgauge
USER 10001:10001
RUN streamgauge generate /tmp/warm.jsonl --events 2000 \
    && for aggregates in decayed sliding; do \
        streamgauge replay /tmp/warm.jsonl --config /etc/streamgauge/config.toml \
            --label-delay 1h --set "features.aggregates=$aggregates" || exit 1; \
    done \
    && rm /tmp/warm.jsonl

EXPOSE 8000
STOPSIGNAL SIGTERM
# Not through a proxy that the environment may name.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["streamgauge"]
# The config's default is loopback, which nobody outside the container could reach. Whoever gives
# other arguments repeats the --set; which address of the host is published is up to `docker run -p`.
CMD ["run", "/etc/streamgauge/config.toml", "--set", "http.host=0.0.0.0"]
