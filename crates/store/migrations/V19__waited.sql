-- A receipt without a number is looked for by its person, in the hours of acceptance of one day. What went later than that
-- (it was planned, held, or out of quota) is little, and is found here: an hour before the day is over, since a receipt
-- may come an hour after the send. The numbers stand in `path/attribute.rs`.
CREATE INDEX message_waited ON message (account, recipient, id)
  WHERE (state = 'sent' OR state = 'unknown' OR state = 'pending')
    AND COALESCE(sent_at, doubt_since) - accepted_at > 79200000;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('message', 'message_waited', '1000 500 2 1');
