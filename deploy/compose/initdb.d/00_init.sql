-- Run once, as the superuser in the database postgres, when the first node makes the cluster.
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
-- Nobody but the owners of databases makes objects in the schema that everybody searches.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
