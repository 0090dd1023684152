-- What commits changed of what is known of people (as `series_delta`, of counters): a row a commit, with all of what is
-- known then of each. A claim of a thousand messages takes from a thousand people, whose rows lie on as many pages; here
-- they lie side by side, and the rows follow in the order in which they lie (people/hot.rs). `recipient.facts` is packed from
-- here on, a quarter of its JSON (domain/src/recipient/packed.rs); a row written before is read as it is.
CREATE TABLE recipient_delta (
  account BIGINT NOT NULL, -- 0: a commit is of many
  seq BIGINT NOT NULL,
  people BLOB NOT NULL,
  PRIMARY KEY (account, seq)
) WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('recipient_delta', 'recipient_delta', '1000 1000 1');
