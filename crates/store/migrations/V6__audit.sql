-- Who did what, when, from where: one chain over all accounts. Rows are appended, never changed; the oldest go when the
-- retention has moved `audit_head.first` past them.
CREATE TABLE audit (
  account BIGINT NOT NULL, -- whom it is about; 0: the installation
  seq BIGINT NOT NULL, -- from 1, without a gap, over all accounts
  at BIGINT NOT NULL,
  actor TEXT NOT NULL, -- the id of an API key, or setup, cli, system
  address TEXT NOT NULL, -- '': none
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL, -- a JSON object without secrets and openids
  prev BLOB NOT NULL, -- hash of the row before
  hash BLOB NOT NULL, -- HMAC of all other columns
  PRIMARY KEY (account, seq)
) WITHOUT ROWID;

CREATE UNIQUE INDEX audit_seq ON audit (seq);

-- Where the chain begins and ends, so that a cut end is noticed; `mac` is over the other columns.
CREATE TABLE audit_head (
  account BIGINT NOT NULL PRIMARY KEY, -- 0
  first BIGINT NOT NULL, -- the oldest row kept
  anchor BLOB NOT NULL, -- hash of the row before it
  seq BIGINT NOT NULL, -- the newest row; 0: there is none
  hash BLOB NOT NULL,
  mac BLOB NOT NULL
) WITHOUT ROWID;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'audit rows are never changed');
END;

CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
WHEN OLD.seq >= COALESCE((SELECT first FROM audit_head WHERE account = 0), 0)
BEGIN
  SELECT RAISE(ABORT, 'audit rows are only deleted by the retention, oldest first');
END;

-- INSERT OR REPLACE deletes without firing a trigger.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
BEGIN
  SELECT RAISE(ABORT, 'audit rows are never replaced');
END;

-- Statuses nobody has documented are few and sealed: a new data key finds them here.
CREATE INDEX receipt_raw ON receipt (account, msgid, recipient, told_at)
  WHERE raw IS NOT NULL;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('audit', 'audit', '100000 5000 1'),
  ('audit', 'audit_seq', '100000 1'),
  ('receipt', 'receipt_raw', '1000 500 1 1 1');
