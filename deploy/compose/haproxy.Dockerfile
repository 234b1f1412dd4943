# HAProxy before the nodes, with what people run in it to look around: psql, curl, ping.
ARG DEBIAN_IMAGE=debian:trixie-slim

# psql alone: its package brings Perl, which is more than all the rest.
FROM ${DEBIAN_IMAGE} AS psql
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends postgresql-client-17

FROM ${DEBIAN_IMAGE}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
      haproxy libpq5 libreadline8t64 curl ca-certificates iputils-ping socat \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*.log /var/log/apt
COPY --from=psql /usr/lib/postgresql/17/bin/psql /usr/bin/psql
COPY deploy/compose/images/common.sh deploy/compose/images/haproxy-entrypoint \
     deploy/compose/images/haproxy-health /usr/local/bin/
COPY deploy/compose/cfg/haproxy.cfg.tmpl /etc/pgherd/cfg/haproxy.cfg.tmpl
ENV LANG=C.UTF-8
EXPOSE 5432 5433 8080
# HAProxy ends at once on TERM, and after its last session on USR1.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/haproxy-entrypoint"]
