# A node: PostgreSQL 17 and pgherd, also under the names patroni and patronictl. The context is the
# repository: pgherd is compiled in the first stage, and the second has no compiler.
#
# DEBIAN_IMAGE     any image of Debian 13
# PGHERD_PREBUILT  yes: take deploy/compose/.built/pgherd, compiled before for Debian 13, as the tests
#                  do to keep a compiler cache
ARG DEBIAN_IMAGE=debian:trixie-slim

FROM ${DEBIAN_IMAGE} AS build
ARG PGHERD_PREBUILT=
WORKDIR /src
COPY tools/bootstrap tools/bootstrap
RUN [ "$PGHERD_PREBUILT" = yes ] || DEBIAN_FRONTEND=noninteractive tools/bootstrap/install-packages build
# Only what is compiled: a change of cfg/ or of a script costs no compilation. tools/test-compose
# compiles the same, and reads it from these lines.
COPY CMakeLists.txt ./
COPY cmake cmake
COPY etc etc
COPY proto proto
COPY src src
# Where nothing was compiled before there is no .built, and a pattern that matches nothing is left out.
COPY deploy/compose/images/build-pgherd deploy/compose/.buil[t] deploy/
RUN deploy/build-pgherd /usr/bin/pgherd

FROM ${DEBIAN_IMAGE}
# The user first, so that the numbers in volumes are the same in every build of this image; and no
# cluster of the package's own.
RUN groupadd --system --gid 999 postgres \
 && useradd --system --uid 999 --gid postgres --home-dir /var/lib/postgresql --no-create-home \
      --shell /bin/bash postgres \
 && mkdir -p /etc/postgresql-common \
 && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
      postgresql-17 pgbackrest libspdlog1.15 libfmt10 curl ca-certificates iputils-ping \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*.log /var/log/apt \
 && install -d -o postgres -g postgres -m 700 /var/lib/postgresql \
 && install -d -m 755 /etc/pgherd/cfg /etc/pgherd/backup /docker-entrypoint-initdb.d \
 && ln -s /etc/pgherd/cfg/patroni-conf.yml /etc/patroni.yml \
 && rm -rf /var/run/postgresql && install -d -m 1777 /var/run/postgresql
COPY --from=build /usr/bin/pgherd /usr/bin/pgherd
RUN for name in patroni patronictl pgherdctl; do ln -s /usr/bin/pgherd "/usr/local/bin/$name"; done \
 && pgherd version
COPY deploy/compose/images/common.sh deploy/compose/images/node-entrypoint \
     deploy/compose/images/run-initdb.d deploy/compose/images/archive-wal \
     deploy/compose/images/backup-entrypoint /usr/local/bin/
COPY deploy/compose/cfg /etc/pgherd/cfg
# The tools of the server itself, before the wrappers of the package. psql finds its passwords.
ENV PATH=/usr/lib/postgresql/17/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PGPASSFILE=/run/pgherd/pgpass \
    LANG=C.UTF-8
VOLUME /var/lib/postgresql
EXPOSE 5432 8008
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/node-entrypoint"]
CMD ["patroni", "/etc/patroni.yml"]
