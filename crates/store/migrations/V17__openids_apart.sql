-- Who a row of `recipient` is of, apart from what is known of them: rules read and write that for every message, and
-- a page of it holds twice the people without what only lists and exports read. Of an erased person there is no row.
CREATE TABLE recipient_openid (
  account BIGINT NOT NULL,
  recipient BLOB NOT NULL, -- blind index of the openid
  openid BLOB NOT NULL, -- sealed
  PRIMARY KEY (account, recipient)
) WITHOUT ROWID;

INSERT INTO recipient_openid (account, recipient, openid)
SELECT account, recipient, openid
FROM recipient
WHERE LENGTH(openid) > 0;

ALTER TABLE recipient DROP COLUMN openid;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('recipient_openid', 'recipient_openid', '1000000 100000 1');
