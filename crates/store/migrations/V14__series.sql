-- What is counted over time. A row holds all counters of one span of an account (store/src/series/codec.rs): a span has few,
-- they are read together, and a row each would be ten times the pages. account 0: all accounts together.
CREATE TABLE series (
  account BIGINT NOT NULL,
  step TEXT NOT NULL, -- minute, hour, day; now: what is not over time
  at BIGINT NOT NULL, -- when the span begins
  cells BLOB NOT NULL,
  PRIMARY KEY (account, step, at)
) WITHOUT ROWID;

-- What a commit changed of the counters: one row a commit, at the end of one small tree, whatever number of accounts it
-- was about. The sweep adds them into `series` and deletes them.
CREATE TABLE series_delta (
  account BIGINT NOT NULL, -- 0: a commit is of many
  seq BIGINT NOT NULL,
  cells BLOB NOT NULL,
  PRIMARY KEY (account, seq)
) WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('series', 'series', '1000000 3000 1000 1'),
  ('series_delta', 'series_delta', '1000 1000 1');
