# What watches the deployment, each in a container of its own of this image: Prometheus, Alertmanager, and
# the exporters of PostgreSQL and of the host.
ARG DEBIAN_IMAGE=debian:trixie-slim
FROM ${DEBIAN_IMAGE}
# 101: nothing is started while it is installed.
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
      prometheus prometheus-alertmanager prometheus-postgres-exporter prometheus-node-exporter curl \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*.log /var/log/apt /usr/sbin/policy-rc.d \
      /var/lib/prometheus/*
COPY deploy/compose/images/common.sh deploy/compose/images/monitoring-entrypoint /usr/local/bin/
COPY deploy/monitoring /etc/pgherd/monitoring
VOLUME /var/lib/prometheus
ENTRYPOINT ["/usr/local/bin/monitoring-entrypoint"]
