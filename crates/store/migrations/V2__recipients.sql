-- What is known of a person: one row, judged by and taken from in the transaction of the claim.
CREATE TABLE recipient (
  account BIGINT NOT NULL,
  recipient BLOB NOT NULL, -- blind index of the openid
  openid BLOB NOT NULL, -- sealed
  facts TEXT NOT NULL, -- domain::Recipient as JSON
  suppressed BOOLEAN NOT NULL,
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (account, recipient)
) WITHOUT ROWID;

CREATE INDEX recipient_suppressed ON recipient (account, recipient)
  WHERE suppressed;

-- What an operator changed of the house rules. account 0: of all; category '': of all three.
CREATE TABLE policy (
  account BIGINT NOT NULL,
  rule TEXT NOT NULL,
  category TEXT NOT NULL,
  change TEXT NOT NULL, -- the keys that were set, as JSON
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (account, rule, category)
) WITHOUT ROWID;

-- What a rule said of a message, where it was not plainly `send`.
CREATE TABLE verdict (
  account BIGINT NOT NULL,
  message BIGINT NOT NULL,
  at BIGINT NOT NULL,
  rule TEXT NOT NULL,
  verdict TEXT NOT NULL,
  until BIGINT,
  observed BOOLEAN NOT NULL, -- it was written down only
  PRIMARY KEY (account, message, at, rule)
) WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('recipient', 'recipient', '1000000 100000 1'),
  ('recipient', 'recipient_suppressed', '10000 1000 1'),
  ('verdict', 'verdict', '1000000 100000 2 2 1');
