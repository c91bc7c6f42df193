# One image for web, worker, beat and flower; `docker-compose.yml` says which command runs where.

FROM python:3.12-slim AS build
WORKDIR /src
# The environment gets no pip of its own: the base image's fills it.
RUN python -m venv --without-pip /opt/dcs
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY cli cli
COPY config config
COPY connectors connectors
COPY sandbox sandbox
COPY vault vault
COPY web web
COPY worker worker
RUN pip --python /opt/dcs/bin/python install --no-cache-dir --constraint constraints.txt ".[all]"

FROM python:3.12-slim
# Nothing in the running container can install or build.
RUN pip uninstall --yes --quiet --root-user-action=ignore pip \
    && groupadd --gid 10001 dcs \
    && useradd --uid 10001 --gid dcs --no-create-home --home-dir /data --shell /usr/sbin/nologin dcs \
    && install --directory --owner dcs --group dcs --mode 0700 /data
COPY --from=build /opt/dcs /opt/dcs
ENV PATH=/opt/dcs/bin:$PATH \
    DCS_HOME=/data \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /data
USER 10001:10001
CMD ["dcs", "--help"]
