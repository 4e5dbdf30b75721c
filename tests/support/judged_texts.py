"""Small SQL texts with what must be found in them, for the tests of scanner and reader."""

from pglane.wire.statement_words import Effect

FIRST_WORDS = """
SELECT 1                                SELECT
(SELECT 1)                              SELECT
((((select 1)) union (select 2)))       SELECT
VALUES (1), (2)                         VALUES
TABLE t                                 TABLE
WITH a AS (SELECT 1) INSERT INTO t      WITH
WITH a AS (INSERT INTO b VALUES (1) RETURNING 1) SELECT * FROM a    WITH
WITH a AS (SELECT 1), b AS (SELECT 2) INSERT INTO c SELECT * FROM a     WITH
WITH a AS (SELECT 1) MERGE INTO b USING a ON true WHEN MATCHED THEN DELETE  WITH
INSERT INTO t VALUES (1)                INSERT
UPDATE t SET a = 1                      UPDATE
DELETE FROM t                           DELETE
MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE   MERGE
SAVEPOINT a                             SAVEPOINT
RELEASE a                               RELEASE
RELEASE SAVEPOINT a                     RELEASE
ROLLBACK TO a                           ROLLBACK_TO
ROLLBACK TO SAVEPOINT a                 ROLLBACK_TO
ROLLBACK WORK TO a                      ROLLBACK_TO
ROLLBACK TRANSACTION TO SAVEPOINT a     ROLLBACK_TO
SET TRANSACTION READ ONLY               SET_TRANSACTION
SET SESSION TRANSACTION READ ONLY       SET_TRANSACTION
SET TRANSACTION SNAPSHOT 'x'            SET_TRANSACTION
SET CONSTRAINTS ALL DEFERRED            SET
SHOW work_mem                           SHOW
FETCH 10 FROM c                         FETCH
MOVE c                                  MOVE
CLOSE ALL                               CLOSE
LOCK TABLE t                            LOCK
CREATE TABLE t (a int)                  CREATE
CREATE TABLE temp (temp int)            CREATE
CREATE TABLE a.temp ()                  CREATE
CREATE TEMP TABLE a (b int) ON COMMIT DROP      CREATE
CREATE TEMP TABLE a ON COMMIT DROP AS SELECT 1  CREATE
CREATE LOCAL TEMPORARY TABLE pg_temp.a (b int) ON COMMIT DROP   CREATE
CREATE TABLE pg_temp.a (b int) ON COMMIT DROP   CREATE
CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = a, pg_temp AS 'SELECT 1' CREATE
CREATE TABLE pg_temp (a int)            CREATE
INSERT INTO pg_temp.a VALUES (1)        INSERT
DROP TABLE pg_temp.a                    DROP
ALTER TABLE t ADD a int                 ALTER
SELECT * FROM dblink('a', 'SELECT 1') AS t(a int)   SELECT
DROP TABLE t                            DROP
TRUNCATE t                              TRUNCATE
EXPLAIN SELECT 1                        EXPLAIN
EXPLAIN (ANALYZE, BUFFERS) SELECT 1     EXPLAIN
ANALYZE t                               ANALYZE
ANALYSE t                               ANALYZE
VACUUM                                  VACUUM
CLUSTER                                 CLUSTER
REINDEX TABLE t                         REINDEX
CHECKPOINT                              CHECKPOINT
GRANT EXECUTE ON FUNCTION f() TO a      GRANT
REVOKE ALL ON t FROM a                  REVOKE
COMMENT ON TABLE t IS 'x'               COMMENT
REFRESH MATERIALIZED VIEW v             REFRESH
IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c    IMPORT
SECURITY LABEL ON TABLE t IS 'x'        SECURITY
REASSIGN OWNED BY a TO b                REASSIGN
CREATE FUNCTION f() RETURNS int SET work_mem = 1 LANGUAGE sql AS 'SELECT 1'     CREATE
CREATE TRIGGER a BEFORE INSERT ON t EXECUTE FUNCTION f()    CREATE
CREATE TABLE a AS SELECT 1              CREATE
ALTER ROLE a SET search_path = b        ALTER
INSERT INTO temp VALUES (1)             INSERT
SELECT nextval FROM t                   SELECT
SELECT 'pg_advisory_lock(1)'            SELECT
SELECT pg_advisory_xact_lock(1)         SELECT
SELECT "PG_ADVISORY_LOCK"(1)            SELECT
SELECT 1 -- ; SET a.b = 1               SELECT
SELECT /* ; /* SET a.b = 1 */ ; */ 1    SELECT
SELECT $$; SET a.b = 1$$                SELECT
SELECT $a$; $$ SET a.b = 1$a$           SELECT
SELECT a$$b$$ FROM t                    SELECT
SELECT set_config                       SELECT
SELECT set_config FROM t                SELECT
SELECT * FROM pg_settings               SELECT
SELECT local.temp FROM local            SELECT
SELECT 1 AS "into", "temp"              SELECT
"""
PLAIN = [line.rsplit(maxsplit=1) for line in FIRST_WORDS.strip().splitlines()]

EFFECT_OF = """
BEGIN                                   BEGIN TRANSACTION
BEGIN ISOLATION LEVEL SERIALIZABLE      BEGIN TRANSACTION
START TRANSACTION READ ONLY             BEGIN TRANSACTION
COMMIT                                  COMMIT TRANSACTION
COMMIT AND CHAIN                        COMMIT TRANSACTION
END WORK                                COMMIT TRANSACTION
ROLLBACK                                ROLLBACK TRANSACTION
ABORT                                   ROLLBACK TRANSACTION
PREPARE TRANSACTION 'a'                 PREPARE_TRANSACTION TRANSACTION
COMMIT PREPARED 'a'                     COMMIT_PREPARED TRANSACTION
ROLLBACK PREPARED 'a'                   COMMIT_PREPARED TRANSACTION
SET ROLE a                              SET ROLE
SET role = 'a'                          SET ROLE
SET SESSION ROLE a                      SET ROLE
SET "ROLE" TO a                         SET ROLE
SET SESSION AUTHORIZATION DEFAULT       SET ROLE
SET SESSION SESSION AUTHORIZATION a     SET ROLE
SET session_authorization = a           SET ROLE
RESET ROLE                              RESET ROLE
RESET SESSION AUTHORIZATION             RESET ROLE
SELECT set_config('role', 'a', false)   SELECT ROLE
SET LOCAL ROLE a                        SET_LOCAL LOCAL_SETTING
SET LOCAL work_mem = 1                  SET_LOCAL LOCAL_SETTING
SET LOCAL SESSION AUTHORIZATION a       SET_LOCAL LOCAL_SETTING
SELECT set_config('a.b', 'x', true)     SELECT LOCAL_SETTING
SELECT set_config('a.b'::text, 'x', true)   SELECT LOCAL_SETTING
SELECT set_config($1, $2, true)         SELECT SETTING_BOUND
SELECT set_config($1, $2, $3)           SELECT SETTING_BOUND
SELECT set_config($1::text, '', false)  SELECT SETTING_BOUND
SELECT set_config($1, $2, true), set_config($3, $4, false)  SELECT SETTING_BOUND
WITH a AS (SELECT set_config($1, '', false)) TABLE a    WITH SETTING_BOUND
SELECT set_config($1, $1, false)        SELECT SETTING_UNKNOWN
SELECT set_config($1, $01, true)        SELECT LOCAL_SETTING
SELECT set_config($101, '', false)      SELECT SETTING_UNKNOWN
SELECT set_config($0, '', false)        SELECT SETTING_UNKNOWN
SELECT set_config($1::name, '', false)  SELECT SETTING_UNKNOWN
SELECT set_config(a, '', false) FROM b  SELECT SETTING_UNKNOWN
PREPARE a AS SELECT set_config($1, $2, false)   PREPARE PREPARED|SETTING_UNKNOWN
EXPLAIN SELECT set_config($1, $2, true) EXPLAIN LOCAL_SETTING
SELECT set_config('a' || 'b', '', false)    SELECT SETTING_UNKNOWN
SELECT set_config(E'a.b', '', false)    SELECT SETTING_UNKNOWN|TEMP
SELECT set_config(setting_name => 'a.b', new_value => '', is_local => true) SELECT SETTING_UNKNOWN
SELECT set_limit(0.5)                   SELECT SETTING_LISTED
UPDATE pg_settings SET setting = 1      UPDATE SETTING_LISTED
UPDATE pg_catalog."pg_settings" SET setting = 1     UPDATE SETTING_LISTED
WITH a AS (SELECT 1) UPDATE ONLY pg_settings SET setting = 1    WITH SETTING_LISTED
MERGE INTO pg_settings USING a ON true WHEN MATCHED THEN DELETE     MERGE SETTING_LISTED
SET "\u00e4.b" = 1                      SET SETTING_UNKNOWN
SET SESSION                             SET SETTING_UNKNOWN
RESET ALL                               RESET RESET_ALL
PREPARE a AS SELECT 1                   PREPARE PREPARED
PREPARE transaction AS SELECT 1         PREPARE PREPARED
PREPARE a (int) AS SELECT nextval('b')  PREPARE PREPARED|SEQUENCE
EXECUTE a                               EXECUTE EXECUTES
EXPLAIN ANALYZE EXECUTE a               EXPLAIN EXECUTES
EXPLAIN (ANALYZE) CREATE TABLE a AS EXECUTE b   EXPLAIN EXECUTES
CREATE TABLE a AS EXECUTE b             CREATE EXECUTES
CREATE TABLE a (b) WITH (c = 1) AS EXECUTE b    CREATE EXECUTES
DEALLOCATE a                            DEALLOCATE DEALLOCATE
DEALLOCATE PREPARE a                    DEALLOCATE DEALLOCATE
DEALLOCATE prepare                      DEALLOCATE DEALLOCATE
DEALLOCATE "all"                        DEALLOCATE DEALLOCATE
DEALLOCATE ALL                          DEALLOCATE DEALLOCATE_ALL
DEALLOCATE PREPARE ALL                  DEALLOCATE DEALLOCATE_ALL
DISCARD ALL                             DISCARD DISCARD_ALL
DISCARD PLANS                           DISCARD DISCARD_SOME
DISCARD SEQUENCES                       DISCARD DISCARD_SOME
DISCARD TEMP                            DISCARD DISCARD_SOME
DISCARD TEMPORARY                       DISCARD DISCARD_SOME
DISCARD EVERYTHING                      DISCARD MALFORMED
CREATE TEMP TABLE a ()                  CREATE TEMP
CREATE TEMPORARY TABLE a () ON COMMIT DELETE ROWS   CREATE TEMP
CREATE LOCAL TEMP TABLE a ()            CREATE TEMP
CREATE OR REPLACE TEMP VIEW a AS SELECT 1   CREATE TEMP
CREATE TEMP RECURSIVE VIEW a (b) AS SELECT 1    CREATE TEMP
CREATE TEMP SEQUENCE a                  CREATE TEMP
CREATE TABLE pg_temp.a ()               CREATE TEMP
CREATE TABLE "pg_temp_12".a ()          CREATE TEMP
CREATE TABLE pg_temp /* */ . a ()       CREATE TEMP
SELECT 1 AS a INTO TABLE pg_temp.b      SELECT TEMP|CATALOG
SELECT 1 AS a INTO b                    SELECT CATALOG
WITH a AS (SELECT 1) SELECT * INTO b FROM a     WITH CATALOG
EXPLAIN ANALYZE SELECT 1 AS a INTO b    EXPLAIN CATALOG
SELECT insert INTO b FROM a             SELECT CATALOG
SELECT (1) insert INTO b                SELECT CATALOG
SELECT 1 AS insert INTO b               SELECT CATALOG
WITH a AS (SELECT 1) SELECT (1) insert INTO b   WITH CATALOG
WITH a AS (SELECT 1) (SELECT merge INTO b FROM a)   WITH CATALOG
IMPORT FOREIGN SCHEMA a FROM SERVER b INTO pg_temp  IMPORT TEMP
CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'  CREATE TEMP
SELECT 1 AS a INTO TEMP b               SELECT TEMP|CATALOG
SELECT 1 AS a INTO LOCAL TEMPORARY TABLE b  SELECT TEMP|CATALOG
SELECT insert INTO TEMP b FROM a        SELECT TEMP|CATALOG
INSERT INTO a (SELECT 1 INTO TEMP b)    INSERT TEMP
SELECT set_config('a''b', '', false)    SELECT SETTING_UNKNOWN|TEMP
EXPLAIN ANALYZE CREATE TEMP TABLE a AS SELECT 1     EXPLAIN TEMP
SELECT pg_advisory_lock(1)              SELECT ADVISORY
SELECT a.pg_advisory_lock FROM a        SELECT ADVISORY
SELECT PG_Advisory_Lock (1)             SELECT ADVISORY
SELECT pg_catalog . pg_advisory_lock_shared /* */ ( 1, 2 )  SELECT ADVISORY
SELECT "pg_try_advisory_lock"(1)        SELECT ADVISORY
SELECT pg_try_advisory_lock_shared(1)   SELECT ADVISORY
DELETE FROM t WHERE pg_advisory_lock(a) IS NULL     DELETE ADVISORY
COPY (SELECT pg_advisory_lock(1)) TO STDOUT     COPY COPY|ADVISORY
SELECT pg_adv\u0130sory_lock(1)         SELECT ADVISORY
SELECT pg_advisory_unlock(1)            SELECT ADVISORY_UNLOCK
SELECT pg_advisory_unlock_all()         SELECT ADVISORY_UNLOCK
LISTEN a                                LISTEN LISTEN
UNLISTEN *                              UNLISTEN UNLISTEN
NOTIFY a, 'b'                           NOTIFY NOTIFY
SELECT pg_notify('a', 'b')              SELECT NOTIFY
DECLARE a CURSOR FOR SELECT 1           DECLARE CURSOR
DECLARE a CURSOR WITHOUT HOLD FOR SELECT 1  DECLARE CURSOR
DECLARE a CURSOR WITH HOLD FOR SELECT 1     DECLARE HOLD
DECLARE a BINARY INSENSITIVE NO SCROLL CURSOR WITH HOLD FOR SELECT 1    DECLARE HOLD
DECLARE a CURSOR FOR SELECT nextval('b')    DECLARE CURSOR|SEQUENCE
LOAD 'a'                                LOAD LOAD
SELECT nextval('a')                     SELECT SEQUENCE
SELECT setval('a', 1), currval('a'), lastval()  SELECT SEQUENCE|SEQUENCE_TOLD
SELECT currval('a'), nextval('a')       SELECT SEQUENCE|SEQUENCE_READ|SEQUENCE_TOLD
SELECT lastval()                        SELECT SEQUENCE_READ|SEQUENCE_TOLD
CREATE TEMP TABLE a AS SELECT 1 AS on FROM commit drop  CREATE TEMP
CREATE TEMP TABLE a (b int CHECK (b = 1 OR on commit drop)) CREATE TEMP
CREATE TEMP VIEW a (on, commit, drop) AS SELECT 1   CREATE TEMP
CREATE TEMP TABLE a ("on" int) "ON" "COMMIT" "DROP" CREATE TEMP
DO $$BEGIN END$$                        DO OPAQUE
CALL a()                                CALL OPAQUE
CREATE EXTENSION a                      CREATE OPAQUE
ALTER EXTENSION a UPDATE                ALTER OPAQUE
SELECT query_to_xml('SELECT 1', true, true, '')     SELECT OPAQUE
COPY t FROM STDIN                       COPY COPY
SELECT setseed(0.5)                     SELECT SEED
SELECT lo_open(1, 2)                    SELECT LARGE_OBJECT
SELECT dblink_connect('a', 'dbname=b')  SELECT DBLINK
SELECT pg_create_physical_replication_slot('a', true, true)     SELECT UNKNOWN
SELECT U&"\\0070g_advisory_lock"(1)     SELECT UNKNOWN
"""
EFFECTFUL = [line.rsplit(maxsplit=2) for line in EFFECT_OF.strip().splitlines()]

SETTINGS = {
    "SET work_mem = 1": "work_mem",
    "SET Work_Mem TO DEFAULT": "work_mem",
    "SET sort_mem = 1": "work_mem",
    'SET "Search_Path" = a, b': "search_path",
    "SET SESSION work_mem = 1": "work_mem",
    "SET app.Tenant = 'x'": "app.tenant",
    'SET "app"."Tenant" = 1': "app.tenant",
    "SET app.a.b = 1": "app.a.b",
    "SET local.a = 1": "local.a",
    "SET session.a = 1": "session.a",
    "SET local = 1": "local",
    "SET time.zone = 1": "time.zone",
    "SET TIME ZONE 'UTC'": "timezone",
    "SET SESSION TIME ZONE LOCAL": "timezone",
    "SET NAMES 'UTF8'": "client_encoding",
    "SET SCHEMA 'a'": "search_path",
    "SET XML OPTION DOCUMENT": "xmloption",
    "SET a FROM CURRENT": "a",
    "RESET work_mem": "work_mem",
    "RESET app.a": "app.a",
    "RESET all.a": "all.a",
    "RESET TIME ZONE": "timezone",
    "RESET names": "names",
    "RESET TRANSACTION ISOLATION LEVEL": "transaction_isolation",
    "SELECT set_config('App.a', '', false)": "app.a",
    "SELECT set_config('a.b', ')', false)": "a.b",
    "SELECT set_config('a.b', f(1, true), (false))": "a.b",
    "SELECT set_config('a.b', 'x', true OR false)": "a.b",
    "SELECT \"set_config\"('a.b', $1, $2)": "a.b",
    "SELECT set_config('a.b', 'x', false), set_config('a.c', 'x', false)": "a.b a.c",
    "SET a.b = 1; SET a.b = 2; SET a.a = 1": "a.b a.a",
    "WITH a AS (SELECT set_config('a.b', '', false)) SELECT 1": "a.b",
}

MANY = {
    "": "EMPTY",
    " ;\n; /* ; */ -- ;": "EMPTY",
    "SELECT 1;": "SELECT",
    ";; SELECT 1 ;; SELECT 2": "SELECT SELECT",
    "BEGIN; SET LOCAL a.b = 1; INSERT INTO t VALUES (1); COMMIT": "BEGIN SET_LOCAL INSERT COMMIT",
    "SELECT ';'; SELECT $$;$$; SELECT \"a;b\"": "SELECT SELECT SELECT",
    "SELECT E'\\';'; SELECT 1": "SELECT SELECT",
    "SELECT 'a\\'; SELECT 1": "SELECT SELECT",
    "SELECT U&'\\'; SELECT 1": "SELECT SELECT",
    "SELECT $1; SELECT 1": "SELECT SELECT",
    "CREATE RULE a AS ON INSERT TO b DO (DELETE FROM c; NOTIFY d); SELECT 1": "CREATE SELECT",
    "CREATE SCHEMA a CREATE TABLE b () CREATE VIEW c AS SELECT 1; SELECT 1": "CREATE SELECT",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 1": (
        "CREATE SELECT"
    ),
    "CREATE OR REPLACE PROCEDURE f() BEGIN ATOMIC END; SELECT 1": "CREATE SELECT",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC ; (SELECT 1); END; SELECT 1": (
        "CREATE SELECT"
    ),
    (
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END end; "
        "SELECT 1 AS end, b.end, (SELECT 1 end); RETURN 2; END; COMMIT"
    ): "CREATE COMMIT",
    "CREATE FUNCTION f(begin atomic) RETURNS int RETURN 1; SELECT 1": "CREATE SELECT",
    "CREATE VIEW a AS SELECT begin atomic FROM b; SELECT 1": "CREATE SELECT",
    "CREATE FUNCTION f() RETURNS begin LANGUAGE sql AS 'SELECT 1'; END": "CREATE COMMIT",
    "SELECT 1; WHAT IS THIS; SELECT 2": "SELECT UNKNOWN SELECT",
}

WHOLLY_UNKNOWN = [
    *("SELECT 'a", 'SELECT "a', "SELECT $$a", "SELECT $a$ $b$", "SELECT /* /* */ 1"),
    *(
        "SELECT E'a\\'",
        "SELECT E'a\\",
        "SELECT (1",
        "SELECT 1)",
        "SELECT 1) + (1",
        "SELECT (1; SELECT 2)",
    ),
    *("SELECT 'a'\n'b", "SELECT 1\0", "SET a.b = 1\0", 'SELECT U&"a', "SELECT U&'a", "/*"),
    *("CREATE TABLE a (b", "CREATE TABLE a (; ", "SELECT 1; SELECT '"),
]


def catalog_effect(kind: str) -> Effect:
    """What DDL has beside the effects that are listed above."""
    return Effect.CATALOG if kind in {"CREATE", "ALTER", "DROP", "IMPORT"} else Effect.NONE
