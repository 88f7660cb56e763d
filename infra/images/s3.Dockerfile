# The S3 of a single box: Debian's Ceph with one monitor, one store and one gateway (infra/s3/one-node.sh).
# docker build -f infra/images/s3.Dockerfile -t meshmill:s3 infra/s3
FROM debian:12.12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ceph-mon ceph-osd radosgw \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10002 --create-home --shell /usr/sbin/nologin store \
    && install -d -o store -g store /data
COPY one-node.sh /usr/local/bin/one-node
USER 10002:10002
VOLUME /data
ENTRYPOINT ["one-node", "/data"]
