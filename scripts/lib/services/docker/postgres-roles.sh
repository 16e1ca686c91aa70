# shellcheck shell=bash
# Sourced once by the image, when it makes the database.
psql -v ON_ERROR_STOP=1 -X -q --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<SQL
CREATE ROLE tenancy_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION PASSWORD 'app-secret';
CREATE ROLE tenancy_replication LOGIN REPLICATION PASSWORD 'replication-secret';
GRANT CONNECT, TEMPORARY ON DATABASE tenancy_test TO tenancy_app;
SQL
echo 'host replication tenancy_replication all scram-sha-256' >>"$PGDATA/pg_hba.conf"
