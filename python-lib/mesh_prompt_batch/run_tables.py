"""The tables of the run store, and the statements that are more than a line."""

# `answer` holds what earlier runs left. `reused` names the rows that are not asked: they take such an answer, or the
# outcome of an earlier row of this run that asks the same, their `twin`. A row with both is a copy: what the answer
# cost counts once.
SCHEMA = """
    PRAGMA page_size = 16384; -- several answers each: half the time of SQLite's own 4 kB
    PRAGMA journal_mode = MEMORY;
    PRAGMA synchronous = OFF;
    CREATE TABLE input (number INTEGER PRIMARY KEY, key BLOB, lane INTEGER NOT NULL, cells TEXT NOT NULL);
    CREATE INDEX input_key ON input (key) WHERE key IS NOT NULL;
    CREATE TABLE outcome (
        place INTEGER PRIMARY KEY, number INTEGER NOT NULL UNIQUE, answered INTEGER NOT NULL, record TEXT NOT NULL
    );
    CREATE TABLE answer (place INTEGER PRIMARY KEY, key BLOB NOT NULL, record TEXT NOT NULL);
    CREATE TABLE reused (number INTEGER PRIMARY KEY, answer INTEGER, twin INTEGER);
    CREATE TABLE seen (fingerprint BLOB PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID;
"""
_NEW = "number BETWEEN :first AND :last"
RESUME = f"""
    INSERT INTO reused (number, answer, twin)
    SELECT number, MIN(place), NULLIF((SELECT MIN(number) FROM input AS earlier WHERE earlier.key = input.key), number)
    FROM input JOIN answer USING (key) WHERE {_NEW} GROUP BY number
"""  # noqa: S608  # constants
COPY = f"""
    INSERT INTO reused (number, twin)
    SELECT number, first FROM (
        SELECT number, (SELECT MIN(number) FROM input AS earlier WHERE earlier.key = input.key) AS first
        FROM input WHERE {_NEW} AND key IS NOT NULL AND number NOT IN (SELECT number FROM reused WHERE {_NEW})
    ) WHERE first < number
"""  # noqa: S608  # as above
COUNTS = f"SELECT COUNT(*) - COUNT(twin), COUNT(twin) FROM reused WHERE {_NEW}"  # noqa: S608  # as above
ROWS = """
    SELECT input.number, input.cells, COALESCE(outcome.record, answer.record, original.record),
        CASE WHEN reused.number IS NULL THEN 'call' WHEN reused.twin IS NULL THEN 'resumed' ELSE 'identical' END
    FROM input
    LEFT JOIN outcome USING (number)
    LEFT JOIN reused USING (number)
    LEFT JOIN answer ON answer.place = reused.answer
    LEFT JOIN outcome AS original ON original.number = reused.twin
    WHERE input.number > ?
"""
NOT_ANSWERED = " AND answer.place IS NULL AND NOT COALESCE(outcome.answered, original.answered, 0)"
PAGE_OF = " ORDER BY input.number LIMIT ?"
# In one step, see sqlite_batches.py: cells are JSON already.
TO_ASK = """
    SELECT GROUP_CONCAT('[' || number || ',' || cells || ']'), (SELECT MAX(number) FROM input) FROM (
        SELECT input.number, cells FROM input LEFT JOIN reused USING (number)
        WHERE lane = ? AND input.number > ? AND reused.number IS NULL ORDER BY input.number LIMIT ?
    )
"""
# As above. A record is one line.
ANSWERS = """
    SELECT MAX(place), GROUP_CONCAT(
        CASE WHEN answered AND key IS NOT NULL THEN place || ' ' || hex(key) || ' ' || record END, char(10)
    ) FROM (
        SELECT place, answered, key, record FROM outcome JOIN input USING (number)
        WHERE place > ? ORDER BY place LIMIT ?
    )
"""
SEEN = "SELECT fingerprint, times FROM seen WHERE fingerprint"
