-- Every text a scenario ever had; the newest is in force unless it was removed.
CREATE TABLE scenario (
  account BIGINT NOT NULL,
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  definition TEXT NOT NULL, -- JSON
  since BIGINT NOT NULL,
  removed_at BIGINT,
  PRIMARY KEY (account, name, version)
) WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('scenario', 'scenario', '10000 100 10 1');
