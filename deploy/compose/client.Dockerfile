# A client that tries everything an application does: psycopg2, SQLAlchemy, requests, pytest.
ARG DEBIAN_IMAGE=debian:trixie-slim
FROM ${DEBIAN_IMAGE}
RUN groupadd --system --gid 997 client \
 && useradd --system --uid 997 --gid client --home-dir /home/client --create-home client \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
      python3 python3-psycopg2 python3-requests python3-sqlalchemy python3-pytest \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*.log /var/log/apt
COPY deploy/compose/images/common.sh deploy/compose/images/client-entrypoint /usr/local/bin/
COPY deploy/compose/client /opt/client
ENV LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
WORKDIR /opt/client
ENTRYPOINT ["/usr/local/bin/client-entrypoint"]
