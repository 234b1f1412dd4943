# An etcd member, or the gateway before the members: Debian's etcd 3.5.
ARG DEBIAN_IMAGE=debian:trixie-slim
FROM ${DEBIAN_IMAGE}
RUN groupadd --system --gid 998 etcd \
 && useradd --system --uid 998 --gid etcd --home-dir /var/lib/etcd --no-create-home etcd \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
      etcd-server etcd-client \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*.log /var/log/apt \
 && rm -rf /var/lib/etcd && install -d -o etcd -g etcd -m 700 /var/lib/etcd
COPY deploy/compose/images/etcd-entrypoint /usr/local/bin/
USER etcd
VOLUME /var/lib/etcd
EXPOSE 2379 2380
ENTRYPOINT ["/usr/local/bin/etcd-entrypoint"]
