# The image of every Meshmill process: `--target cpu`, or `--target cuda` with torch and its CUDA libraries.
# docker build -f infra/images/meshmill.Dockerfile --target cpu -t meshmill:cpu .
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm
ARG NODE_IMAGE=node:22.21-bookworm-slim

FROM ${NODE_IMAGE} AS web
WORKDIR /app/tasks/web
COPY tasks/web/package.json tasks/web/package-lock.json tasks/web/viewer-three.mjs ./
RUN npm ci --no-audit --no-fund && npm run build

FROM ${PYTHON_IMAGE} AS base
# Kernels are compiled when the image is built and loaded wherever it runs. Numba's cache holds code for the CPU that
# compiled it, so both name one level that servers of the last ten years share (x86-64-v3: AVX2 and FMA). Without these
# two lines each new node would compile for two minutes, and nodes of two kinds could differ in a last bit.
ENV NUMBA_CPU_NAME=x86-64-v3 \
    NUMBA_CPU_FEATURES="" \
    NUMBA_CACHE_DIR=/opt/kernels \
    PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1 \
    RAY_USAGE_STATS_ENABLED=0 \
    PREFECT_SERVER_ANALYTICS_ENABLED=false
WORKDIR /app
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin meshmill \
    && install -d -o meshmill -g meshmill /certificates /spill \
    && python -m venv /opt/venv \
    && pip install --no-cache-dir uv==0.13.8
COPY infra/images/cpu.lock infra/images/cuda.lock pyproject.toml ./
RUN uv pip install --no-cache --python /opt/venv/bin/python -r cpu.lock

FROM base AS code
COPY LICENSE README.md prefect.yaml ./
COPY flows flows
COPY tasks tasks
COPY ml ml
COPY manifests manifests
COPY datasets datasets
COPY infra/images/driver.sh /usr/local/bin/driver
COPY infra/images/ray-node.sh /usr/local/bin/ray-node
COPY infra/tls/make.sh /usr/local/bin/make-certificates
COPY --from=web /app/tasks/web/node_modules tasks/web/node_modules

FROM code AS cpu
RUN uv pip install --no-cache --python /opt/venv/bin/python --no-deps -e . \
    && python -m flows.warm
USER 10001:10001
ENTRYPOINT []
CMD ["meshmill", "--help"]

FROM code AS cuda
# torch's wheels bring CUDA's libraries; the driver comes from the host through NVIDIA's container runtime.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN uv pip install --no-cache --python /opt/venv/bin/python -r cuda.lock \
    && uv pip install --no-cache --python /opt/venv/bin/python --no-deps -e . \
    && python -m flows.warm
USER 10001:10001
ENTRYPOINT []
CMD ["meshmill", "--help"]
