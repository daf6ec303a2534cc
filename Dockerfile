# Streamgauge as a service. Build, then look at http://127.0.0.1:8000:
#   docker build -t streamgauge .
#   docker run --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 \
#     -v ./my.toml:/etc/streamgauge/config.toml:ro -v snapshots:/var/lib/streamgauge streamgauge
# docs/deploying.md says more; `make image-test` builds this file and tries what comes of it.
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY constraints.txt pyproject.toml ./
# What is needed comes first, in a layer that a change of our code does not touch. The tools stay in
# a virtual environment of their own, so that what is shipped has not even pip.
RUN python3 -m venv /opt/tools \
    && /opt/tools/bin/pip install --constraint constraints.txt hatchling cyclonedx-bom \
    && python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
        > requirements.txt \
    && python3 -m venv --without-pip /opt/streamgauge \
    && /opt/tools/bin/pip --python /opt/streamgauge/bin/python install \
        --only-binary :all: --constraint constraints.txt --requirement requirements.txt
COPY models models
COPY stream stream
# An empty README.md, which pyproject.toml names: a change of its text is no change of the image.
RUN touch README.md \
    && /opt/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/wheels . \
    && /opt/tools/bin/pip --python /opt/streamgauge/bin/python install --no-deps /tmp/wheels/*.whl \
    && /opt/tools/bin/pip --python /opt/streamgauge/bin/python check \
    && /opt/tools/bin/cyclonedx-py environment --output-format JSON --output-reproducible \
        --pyproject pyproject.toml --output-file /opt/streamgauge/sbom.cdx.json \
        /opt/streamgauge/bin/python
# The kernels are compiled here, for no machine in particular, so that they serve on any: measured,
# that is not slower, and the scores are the same to the bit. What is compiled here a start loads;
# what it needs beyond that it compiles for itself.
ENV NUMBA_CACHE_DIR=/opt/streamgauge/compiled \
    NUMBA_CPU_NAME=generic
COPY deploy/examples examples
COPY deploy/image/warm.py ./
RUN /opt/streamgauge/bin/python -I warm.py examples \
    && install -d -o 10001 -g 10001 /var/lib/streamgauge
COPY deploy/image/start.py /opt/streamgauge/

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/streamgauge/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/tmp/streamgauge-compiled \
    NUMBA_CPU_NAME=generic
COPY --from=builder /opt/streamgauge /opt/streamgauge
COPY --from=builder --chown=10001:10001 /var/lib/streamgauge /var/lib/streamgauge
COPY deploy/examples /etc/streamgauge/examples
COPY deploy/examples/transactions.toml /etc/streamgauge/config.toml
WORKDIR /var/lib/streamgauge
USER 10001:10001
# Snapshots. Beside it only /tmp is written to, so the root may be read-only.
VOLUME ["/var/lib/streamgauge"]

EXPOSE 8000
STOPSIGNAL SIGTERM
# Not through a proxy that the environment may name.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["python", "-IS", "/opt/streamgauge/start.py"]
# The config's default is loopback, which nobody outside the container could reach. Whoever gives
# other arguments repeats the --set; which address of the host is published is up to `docker run -p`.
CMD ["run", "/etc/streamgauge/config.toml", "--set", "http.host=0.0.0.0"]
